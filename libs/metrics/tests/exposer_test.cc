#include "tributary/metrics/exposer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tributary::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The whole answer, status line and headers included.
std::string HttpGet(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    if (write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[4096];
      for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) answer.append(buffer, n);
    }
  }
  close(fd);
  return answer;
}

TEST(ExposerTest, AScrapeSeesWhatWasCounted) {
  Registry registry;
  auto exposer = Exposer::Start(registry, {});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  ASSERT_NE((*exposer)->port(), 0);
  Counter counter = registry.GetCounter("tributary_test_events_total", "Events.", {{"kind", "web"}});
  counter.Inc(42);
  const CallbackGauge gauge = registry.AddCallbackGauge("tributary_test_depth", "Depth.", {}, [] { return 3.0; });

  const std::string answer = HttpGet((*exposer)->port(), "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("text/plain"));
  EXPECT_THAT(answer, HasSubstr("tributary_test_events_total{kind=\"web\"} 42\n"));
  EXPECT_THAT(answer, HasSubstr("tributary_test_depth 3\n"));
}

TEST(ExposerTest, OtherPathsAreNotFound) {
  Registry registry;
  auto exposer = Exposer::Start(registry, {});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  EXPECT_THAT(HttpGet((*exposer)->port(), "/"), HasSubstr(" 404 Not Found\r\n"));
}

TEST(ExposerTest, APortInUseIsAnErrorThatNamesIt) {
  Registry registry;
  auto first = Exposer::Start(registry, {});
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = Exposer::Start(registry, {.port = (*first)->port()});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(fmt::format("127.0.0.1:{}", (*first)->port())));
}

TEST(ExposerTest, MayOutliveTheRegistry) {
  std::optional<Registry> registry(std::in_place);
  Counter counter = registry->GetCounter("tributary_test_events_total", "Events.");
  auto exposer = Exposer::Start(*registry, {});
  ASSERT_TRUE(exposer.ok()) << exposer.status();
  registry.reset();
  counter.Inc();
  EXPECT_THAT(HttpGet((*exposer)->port(), "/metrics"), HasSubstr("tributary_test_events_total 1\n"));
}

}  // namespace
}  // namespace tributary::metrics
