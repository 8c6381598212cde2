#include "history.h"

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace tributary::e2e {

ExpectedHistory AddUp(const std::filesystem::path& file) {
  ExpectedHistory expected;
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);  // headings
  Amount sum;
  while (std::getline(in, line)) {
    std::istringstream columns(line);
    std::string customer, date, pieces, dollars;
    if (!(columns >> customer >> date >> pieces >> dollars)) continue;
    const Amount amount = Amount::Parse(dollars).value();
    CustomerSum& of_customer = expected.customers[customer];
    ++of_customer.orders;
    of_customer.gross += amount;
    ++expected.totals.orders;
    sum += amount;
  }
  expected.totals.profiles = static_cast<int64_t>(expected.customers.size());
  expected.totals.entries = expected.totals.orders;
  expected.totals.gross["USD"] = sum.ToString();
  return expected;
}

void ExpectEachCustomer(const Platform& platform, const std::string& issuer, const ExpectedHistory& expected) {
  const std::vector<std::pair<std::string, CustomerSum>> customers(expected.customers.begin(),
                                                                   expected.customers.end());
  std::atomic<size_t> next{0};
  std::atomic<int> wrong{0};
  const auto ask = [&] {
    const rpc::Client client = platform.Client();
    const auto stub = profile::v1::ProfileService::NewStub(client.channel());
    for (size_t i = next++; i < customers.size() && wrong < 5; i = next++) {
      const auto found = platform.SumOf(*stub, client, issuer, customers[i].first, "USD");
      if (found.ok() && *found == customers[i].second) continue;
      ++wrong;
      ADD_FAILURE() << "customer on place " << i << ": "
                    << (found.ok() ? fmt::format("{} orders, {}", found->orders, found->gross.ToString())
                                   : std::string(found.status().message()))
                    << " instead of " << customers[i].second.orders << " orders, "
                    << customers[i].second.gross.ToString();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(ask);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tributary::e2e
