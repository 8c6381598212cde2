#include "tests/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "fmt/format.h"

namespace tributary::rpc::testing {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

}  // namespace

Proxy::Proxy(uint16_t server_port) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  Must(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0, "bind");
  Must(::listen(listener_, 1) == 0, "listen");
  Must(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, server_port] { Run(server_port); });
}

Proxy::~Proxy() {
  for (const int socket : {listener_, client_.load(), server_.load()}) {
    if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
  }
  thread_.join();
  for (const int socket : {listener_, client_.load(), server_.load()}) {
    if (socket >= 0) ::close(socket);
  }
}

std::string Proxy::target() const { return fmt::format("127.0.0.1:{}", port_); }

void Proxy::AwaitFromClient(int count) {
  std::unique_lock lock(mutex_);
  const int until = from_client_ + count;
  changed_.wait(lock, [&] { return from_client_ >= until; });
}

void Proxy::Run(uint16_t server_port) {
  client_ = ::accept(listener_, nullptr, nullptr);
  if (client_ < 0) return;  // the test is over
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(server_port);
  Must(::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "connect");
  server_ = server;
  std::thread back([this] { Pump(server_, client_, false); });
  Pump(client_, server_, true);
  back.join();
}

void Proxy::Pump(int from, int to, bool from_client) {
  char buffer[16 << 10];
  for (ssize_t bytes = 0; (bytes = ::recv(from, buffer, sizeof(buffer), 0)) > 0;) {
    if (cut_.load()) continue;
    for (ssize_t sent = 0, now = 0; sent < bytes; sent += now) {
      now = ::send(to, buffer + sent, static_cast<size_t>(bytes - sent), MSG_NOSIGNAL);
      if (now < 0) return;
    }
    if (!from_client) continue;
    const std::lock_guard lock(mutex_);
    ++from_client_;
    changed_.notify_all();
  }
  // The other side learns of an end, unless the network is dead.
  if (!cut_.load()) ::shutdown(to, SHUT_RDWR);
}

}  // namespace tributary::rpc::testing
