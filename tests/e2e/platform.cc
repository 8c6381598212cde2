#include "platform.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tributary/base/status.h"

namespace tributary::e2e {
namespace {

// The answer of a server on this machine, with its headers; empty if there is none.
std::string HttpGet(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n\r\n", path, port);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t n = 0; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Totals& totals) {
  out << fmt::format("{} profiles, {} entries, {} orders", totals.profiles, totals.entries, totals.orders);
  for (const auto& [currency, amount] : totals.gross) out << ", " << amount << " " << currency;
  return out;
}

Platform::Platform(std::vector<std::string> serve_flags)
    : serve_flags_(std::move(serve_flags)), address_(fmt::format("127.0.0.1:{}", FreePort())) {}

Platform::~Platform() {
  if (testing::Test::HasFailure()) std::cerr << "--- the server said:\n" << ServerOutput() << "---\n";
}

std::string Platform::ServerOutput() const { return ReadAll(folder_.path() / "server.log"); }

void Platform::Start() {
  std::vector<std::string> serve = {"serve", "--listen", address_, "--metrics-listen", "127.0.0.1:0"};
  serve.insert(serve.end(), serve_flags_.begin(), serve_flags_.end());
  server_ = std::make_unique<Process>(Command(std::move(serve)), folder_.path() / "server.log");
  ASSERT_TRUE(WaitUntil([this] { return Serves(); }, *server_, absl::Seconds(60))) << "the server does not serve";
}

// Ready is when an authorised call is answered: the health service says the same to those who have no secret.
bool Platform::Serves() const {
  if (!std::filesystem::exists(data_dir() / "client.json")) return false;
  return Tasks().ok();
}

void Platform::Kill() {
  server_->Signal(SIGKILL);
  EXPECT_EQ(server_->WaitFor(absl::Seconds(30)), 128 + SIGKILL) << "the server had ended before it was killed";
  server_.reset();
}

int Platform::Stop() {
  server_->Signal(SIGTERM);
  const int exit_code = server_->WaitFor(absl::Seconds(30)).value_or(-1);
  server_.reset();
  return exit_code;
}

rpc::Client Platform::Client(std::string_view secret) const {
  const nlohmann::json file = nlohmann::json::parse(ReadAll(data_dir() / "client.json"), nullptr, false);
  return ClientOf(file.is_object() ? file.value(std::string(secret), "") : "");
}

rpc::Client Platform::ClientOf(const std::string& secret) const {
  return rpc::Client::Open({.target = address_, .bearer_secret = secret}).value();
}

std::vector<std::string> Platform::Command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), TRIBUTARY_BINARY);
  arguments.insert(arguments.end(), {"--data-dir", data_dir().string()});
  return arguments;
}

absl::StatusOr<Totals> Platform::Sum(const std::string& token) const { return SumProfiles(Client(), token); }

absl::StatusOr<Totals> SumProfiles(const rpc::Client& client, const std::string& token) {
  const auto stub = profile::v1::ProfileService::NewStub(client.channel());
  profile::v1::ListProfilesRequest request;
  request.set_page_size(1'000);
  request.set_token(token);
  Totals totals;
  std::map<std::string, Amount> gross;
  do {
    TRIBUTARY_ASSIGN_OR_RETURN(const auto page,
                               client.Call(*stub, &profile::v1::ProfileService::Stub::ListProfiles, request));
    for (const profile::v1::Profile& profile : page.profiles()) {
      ++totals.profiles;
      totals.entries += profile.entry_count();
      totals.orders += profile.order_count();
      for (const profile::v1::Revenue& revenue : profile.revenues()) {
        TRIBUTARY_ASSIGN_OR_RETURN(const Amount amount, Amount::Of(revenue.gross().units(), revenue.gross().nanos()));
        gross[revenue.gross().currency()] += amount;
      }
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  for (const auto& [currency, amount] : gross) totals.gross[currency] = amount.ToString();
  return totals;
}

absl::StatusOr<CustomerSum> Platform::SumOf(profile::v1::ProfileService::Stub& stub, const rpc::Client& client,
                                            const std::string& issuer, const std::string& customer_id,
                                            const std::string& currency) const {
  profile::v1::GetProfileRequest request;
  auto* identifier = request.mutable_profile()->mutable_identifier();
  identifier->set_type("customer_id");
  identifier->set_issuer(issuer);
  identifier->set_value(customer_id);
  TRIBUTARY_ASSIGN_OR_RETURN(const auto response,
                             client.Call(stub, &profile::v1::ProfileService::Stub::GetProfile, request));
  CustomerSum sum{.orders = response.profile().order_count()};
  for (const profile::v1::Revenue& revenue : response.profile().revenues()) {
    if (revenue.gross().currency() != currency) continue;
    TRIBUTARY_ASSIGN_OR_RETURN(sum.gross, Amount::Of(revenue.gross().units(), revenue.gross().nanos()));
  }
  return sum;
}

absl::StatusOr<std::vector<operations::v1::Task>> Platform::Tasks() const {
  const rpc::Client client = Client("operator_secret");
  const auto stub = operations::v1::OperationsService::NewStub(client.channel());
  TRIBUTARY_ASSIGN_OR_RETURN(
      const auto response,
      client.Call(*stub, &operations::v1::OperationsService::Stub::ListTasks, operations::v1::ListTasksRequest()));
  return std::vector<operations::v1::Task>(response.tasks().begin(), response.tasks().end());
}

void Platform::ForEachRecord(
    const std::function<void(const operations::v1::LogRecord&, const std::string&)>& visit) const {
  const rpc::Client client = Client("operator_secret");
  const auto stub = operations::v1::OperationsService::NewStub(client.channel());
  std::set<std::pair<std::string, int32_t>> partitions = {{"dead_letter", 0}};
  const auto tasks = Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  for (const operations::v1::Task& task : *tasks) partitions.emplace(task.log(), task.partition());
  for (const auto& [log, partition] : partitions) {
    grpc::ClientContext context;
    client.Prepare(context);
    operations::v1::TailLogRequest request;
    request.set_log(log);
    request.set_partition(partition);
    const auto reader = stub->TailLog(&context, request);
    operations::v1::TailLogResponse response;
    while (reader->Read(&response)) {
      for (const operations::v1::LogRecord& record : response.records()) {
        visit(record, fmt::format("{}/{}", log, partition));
      }
    }
    EXPECT_TRUE(reader->Finish().ok());
  }
}

std::string Platform::Metrics() const {
  const std::string output = ServerOutput();
  static constexpr std::string_view kBefore = "http://127.0.0.1:";
  const size_t begin = output.rfind(kBefore);
  if (begin == std::string::npos) return "";
  return HttpGet(static_cast<uint16_t>(std::atoi(output.c_str() + begin + kBefore.size())), "/metrics");
}

int64_t Platform::IntakeRecords() const {
  const auto tasks = Tasks();
  int64_t records = 0;
  if (!tasks.ok()) return records;
  for (const operations::v1::Task& task : *tasks) {
    if (task.processor() == "identity") records += task.log_end();
  }
  return records;
}

}  // namespace tributary::e2e
