// A network between a client and a server that a test can let die.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace tributary::rpc::testing {

// Carries one connection from a port of its own to 127.0.0.1:`server_port`.
class Proxy {
 public:
  explicit Proxy(uint16_t server_port);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Where the client connects to.
  std::string target() const;
  // From now on nothing arrives any more; the connections stay open, as when a cable is pulled.
  void Cut() { cut_.store(true); }
  // Waits until the client has sent `count` pieces more.
  void AwaitFromClient(int count);

 private:
  void Run(uint16_t server_port);
  void Pump(int from, int to, bool from_client);

  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> client_{-1};
  std::atomic<int> server_{-1};
  std::atomic<bool> cut_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  int from_client_ = 0;
  std::thread thread_;
};

}  // namespace tributary::rpc::testing
