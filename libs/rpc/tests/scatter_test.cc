#include "tributary/rpc/scatter.h"

#include <future>
#include <thread>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cluster.h"
#include "tributary/base/status.h"

namespace tributary::rpc::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int32_t kPartitions = 16;
constexpr char kPartialAllowed[] = "what there is";

using PartDone = std::function<void(absl::StatusOr<Part<SayResponse>>)>;

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }

std::string Owned(int32_t ordinal, int32_t replicas) {
  return fmt::format("{}: {}\n", ordinal,
                     fmt::join(Ownership("echo", replicas).OwnedBy(ordinal, "journey", kPartitions), ","));
}

Part<SayResponse> PartOf(int32_t ordinal, const std::vector<int32_t>& partitions) {
  Part<SayResponse> part;
  part.response.set_text(fmt::format("{}: {}\n", ordinal, fmt::join(partitions, ",")));
  return part;
}

// Tells which instance answered for which partitions, and which of them are missing if the request allows that.
absl::StatusOr<SayResponse> Merge(bool allow_partial, const Gathered<SayResponse>& gathered) {
  if (!gathered.missing.empty() && !allow_partial) return PartialError("journey", gathered.missing);
  std::string text;
  for (const auto& [ordinal, part] : gathered.parts) text += part.text();
  for (const MissingPartition& missing : gathered.missing) {
    text += fmt::format("-{} {}\n", missing.partition, missing.reason);
  }
  SayResponse response;
  response.set_text(text);
  return response;
}

// What an instance does with its part; the tests change it.
using Local = std::function<void(int32_t ordinal, const std::vector<int32_t>& partitions, PartDone done)>;

void AnswerAtOnce(int32_t ordinal, const std::vector<int32_t>& partitions, const PartDone& done) {
  done(PartOf(ordinal, partitions));
}

InstanceHandler Scattered(Local local, std::function<bool(const Gathered<SayResponse>&)> enough = nullptr) {
  return [local = std::move(local), enough = std::move(enough)](int32_t ordinal, const Routes& routes, const CallInfo&,
                                                                const SayRequest& request,
                                                                const Reply<SayResponse>& reply) {
    Scatter<SayResponse>(routes, request, reply,
                         {.log = "journey",
                          .partitions = kPartitions,
                          .local = [=](const std::vector<int32_t>& partitions, absl::Time,
                                       PartDone done) { local(ordinal, partitions, std::move(done)); },
                          .merge = [allow = request.text() == kPartialAllowed](
                                       const Gathered<SayResponse>& gathered) { return Merge(allow, gathered); },
                          .enough = enough});
  };
}

// Parts of one instance that are never answered, and whether somebody still waits for them.
struct Held {
  InstanceHandler Handler(int32_t of, Local others = AnswerAtOnce,
                          std::function<bool(const Gathered<SayResponse>&)> enough = nullptr) {
    const InstanceHandler scattered = Scattered(
        [this, of, others = std::move(others)](int32_t ordinal, const std::vector<int32_t>& partitions,
                                               const PartDone& done) {
          if (ordinal != of) return others(ordinal, partitions, done);
          kept = done;
          came.set_value();
        },
        std::move(enough));
    return [this, of, scattered](int32_t ordinal, const Routes& routes, const CallInfo& call, const SayRequest& request,
                                 const Reply<SayResponse>& reply) {
      if (ordinal == of) reply.call()->OnEnd([this] { ended.set_value(); });
      scattered(ordinal, routes, call, request, reply);
    };
  }

  PartDone kept;
  std::promise<void> came;
  std::promise<void> ended;
};

TEST(ScatterTest, EachOwnerIsAskedOnceForWhatItOwnsWhoeverIsCalled) {
  std::atomic<int> parts = 0;
  Cluster cluster({3, 3, 3},
                  Scattered([&](int32_t ordinal, const std::vector<int32_t>& partitions, const PartDone& done) {
                    ++parts;
                    AnswerAtOnce(ordinal, partitions, done);
                  }));
  for (int32_t called = 0; called < 3; ++called) {
    parts = 0;
    const auto answer = cluster.Say(called, "all");
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(*answer, Owned(0, 3) + Owned(1, 3) + Owned(2, 3));
    EXPECT_EQ(parts, 3);
  }
}

TEST(ScatterTest, OneProcessAnswersForAllByItself) {
  Cluster cluster({1}, Scattered(AnswerAtOnce));
  EXPECT_EQ(*cluster.Say(0, "all"), Owned(0, 1));
}

TEST(ScatterTest, ManyCallsAtOnceGetEachAWholeAnswer) {
  Cluster cluster({3, 3, 3}, Scattered(AnswerAtOnce));
  std::vector<std::future<int>> callers;
  for (int32_t caller = 0; caller < 6; ++caller) {
    callers.push_back(std::async(std::launch::async, [&, caller] {
      const Client client = cluster.instance(caller % 3).Connect();
      const auto stub = Echo::NewStub(client.channel());
      int whole = 0;
      for (int i = 0; i < 50; ++i) {
        const auto answer = client.Call(*stub, &Echo::Stub::Say, SayRequest());
        whole += answer.ok() && answer->text() == Owned(0, 3) + Owned(1, 3) + Owned(2, 3) ? 1 : 0;
      }
      return whole;
    }));
  }
  for (auto& caller : callers) EXPECT_EQ(caller.get(), 50);
}

TEST(ScatterTest, PartitionsOfAnInstanceThatIsGoneAreNamed) {
  Cluster cluster({3, 3, 3}, Scattered(AnswerAtOnce));
  cluster.Stop(2);
  std::vector<std::string> names;
  std::string missing;
  for (const int32_t partition : Ownership("echo", 3).OwnedBy(2, "journey", kPartitions)) {
    names.push_back(fmt::format("journey/{}", partition));
    missing += fmt::format("-{} OWNER_UNREACHABLE\n", partition);
  }
  const absl::Status status = cluster.Say(0, "all").status();
  EXPECT_EQ(
      Describe(status),
      fmt::format("UNAVAILABLE (PARTIAL): no answer from {} (OWNER_UNREACHABLE)\nmend: Try again\ntry again in 1s",
                  fmt::join(names, ", ")));
  EXPECT_EQ(*cluster.Say(0, kPartialAllowed), Owned(0, 3) + Owned(1, 3) + missing);
}

TEST(ScatterTest, WhatAnInstanceDoesNotOwnItLeavesOutAndTheRestComes) {
  Cluster cluster({2, 3, 3}, Scattered(AnswerAtOnce));  // 0 does not know of 2 yet
  const Ownership before("echo", 2);
  const Ownership after("echo", 3);
  std::vector<int32_t> kept;
  std::string missing;
  for (const int32_t partition : before.OwnedBy(1, "journey", kPartitions)) {
    if (after.OwnerOf("journey", partition) == 1) {
      kept.push_back(partition);
    } else {
      missing += fmt::format("-{} WRONG_OWNER\n", partition);
    }
  }
  ASSERT_FALSE(missing.empty());
  EXPECT_EQ(*cluster.Say(0, kPartialAllowed), Owned(0, 2) + fmt::format("1: {}\n", fmt::join(kept, ",")) + missing);
  EXPECT_EQ(ReasonOf(cluster.Say(0, "all").status()), "PARTIAL");
}

TEST(ScatterTest, APartitionThatItsOwnerCannotReadIsNamedAlone) {
  const int32_t behind = PartitionOf(1, 2);
  Cluster cluster({2, 2}, Scattered([&](int32_t ordinal, const std::vector<int32_t>& partitions, const PartDone& done) {
                    Part<SayResponse> part = PartOf(ordinal, partitions);
                    if (ordinal == 1) part.missing.push_back({behind, "NOT_SERVED_HERE"});
                    done(std::move(part));
                  }));
  for (int32_t called = 0; called < 2; ++called) {
    const absl::Status status = cluster.Say(called, "all").status();
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(fmt::format("no answer from journey/{} (NOT_SERVED_HERE).", behind)));
  }
}

TEST(ScatterTest, AnErrorAboutTheRequestEndsTheCallAndTheOtherParts) {
  Held held;
  std::promise<PartDone> own;
  Cluster cluster({3, 3, 3},
                  held.Handler(2, [&](int32_t ordinal, const std::vector<int32_t>& partitions, const PartDone& done) {
                    if (ordinal == 0) return own.set_value(done);
                    AnswerAtOnce(ordinal, partitions, done);
                  }));
  auto answer = std::async(std::launch::async, [&] { return cluster.Say(0, "all"); });
  const PartDone done = own.get_future().get();
  held.came.get_future().wait();
  done(InvalidField("TEXT_TOO_LONG", "text", "is long", "Shorten it"));
  EXPECT_EQ(ReasonOf(answer.get().status()), "TEXT_TOO_LONG");
  held.ended.get_future().wait();
}

TEST(ScatterTest, EnoughEndsThePartsThatAreStillToCome) {
  Held held;
  std::promise<PartDone> own;
  Cluster cluster({2, 2},
                  held.Handler(
                      1, [&](int32_t, const std::vector<int32_t>&, const PartDone& done) { own.set_value(done); },
                      [](const Gathered<SayResponse>& gathered) { return gathered.parts.contains(0); }));
  auto answer = std::async(std::launch::async, [&] { return cluster.Say(0, "all"); });
  const PartDone done = own.get_future().get();
  held.came.get_future().wait();
  done(PartOf(0, {7}));
  EXPECT_EQ(*answer.get(), "0: 7\n") << "and nothing is missing";
  held.ended.get_future().wait();
}

void ExpectWhatHasCome(int32_t late) {
  Held held;
  Cluster cluster({2, 2}, held.Handler(late));
  // So long that the margin bears a busy machine.
  const Client client =
      Client::Open({.target = cluster.instance(0).target(), .bearer_secret = kReadSecret, .deadline = absl::Seconds(4)})
          .value();
  SayRequest request;
  request.set_text(kPartialAllowed);
  std::string missing;
  for (const int32_t partition : Ownership("echo", 2).OwnedBy(late, "journey", kPartitions)) {
    missing += fmt::format("-{} DEADLINE_EXCEEDED\n", partition);
  }
  const auto answer = client.Call(*Echo::NewStub(client.channel()), &Echo::Stub::Say, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->text(), Owned(1 - late, 2) + missing);
  held.ended.get_future().wait();
  held.kept(PartOf(late, {}));  // is not heard
}

TEST(ScatterTest, AtTheDeadlineThereIsWhatHasComeWhoeverIsLate) {
  std::thread own([] { ExpectWhatHasCome(0); });
  std::thread remote([] { ExpectWhatHasCome(1); });
  own.join();
  remote.join();
}

TEST(ScatterTest, AClientThatGoesEndsThePartsAtOtherInstances) {
  Held held;
  Cluster cluster({2, 2}, held.Handler(1));
  const Client client = cluster.instance(0).Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  auto status = std::async(std::launch::async, [&] {
    SayResponse response;
    return Echo::NewStub(client.channel())->Say(&context, SayRequest(), &response);
  });
  held.came.get_future().wait();
  context.TryCancel();
  held.ended.get_future().wait();
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(ScatterTest, AnInstanceThatIsAskedForNothingRefuses) {
  Cluster cluster({2, 2}, Scattered(AnswerAtOnce));
  const Client client = cluster.instance(0).Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  context.AddMetadata(kHopHeader, "1");
  SayResponse response;
  EXPECT_EQ(ReasonOf(FromGrpc(Echo::NewStub(client.channel())->Say(&context, SayRequest(), &response))),
            "PARTITIONS_MISSING");
}

TEST(ScatterTest, AnInstanceThatOwnsNoneOfThemRefuses) {
  Cluster cluster({2, 2}, Scattered(AnswerAtOnce));
  const Client client = cluster.instance(0).Connect();
  for (const int32_t partition : {PartitionOf(1, 2), kPartitions}) {
    grpc::ClientContext context;
    client.Prepare(context);
    context.AddMetadata(kHopHeader, "1");
    context.AddMetadata(kPartitionsHeader, fmt::format("{}", partition));
    SayResponse response;
    EXPECT_EQ(ReasonOf(FromGrpc(Echo::NewStub(client.channel())->Say(&context, SayRequest(), &response))),
              "WRONG_OWNER");
  }
}

TEST(ScatterTest, TheErrorGroupsByReasonAndNamesSixtyFourAtMost) {
  EXPECT_EQ(PartialError("journey", {{3, "X"}, {5, "A"}, {17, "X"}}).message(),
            "no answer from journey/5 (A), journey/3, journey/17 (X). Try again");
  std::vector<MissingPartition> many;
  for (int32_t i = 0; i < 1000; ++i) many.push_back({i, "OWNER_UNREACHABLE"});
  const absl::Status status = PartialError("journey", many);
  EXPECT_THAT(std::string(status.message()), HasSubstr("journey/63 (OWNER_UNREACHABLE) and 936 more"));
  EXPECT_LT(status.message().size(), 1000u);
}

TEST(ScatterTest, WhatIsMissingCrossesTheWire) {
  const std::vector<MissingPartition> missing = {{3, "X"}, {17, "X"}, {5, "Y"}};
  const std::string text = internal::FormatMissing(missing);
  EXPECT_EQ(text, "X=3,17;Y=5");
  EXPECT_EQ(internal::ParseMissing(text, {1, 3, 5, 17}), missing);
  EXPECT_THAT(internal::ParseMissing(text, {1, 5}), ElementsAre(MissingPartition{5, "Y"}));
  EXPECT_THAT(internal::ParseMissing("", {1, 5}), IsEmpty());
  for (const char* wrong : {"X", "X=", "=3", "X=3;", "X=a"}) {
    EXPECT_THAT(internal::ParseMissing(wrong, {1, 5}),
                ElementsAre(MissingPartition{1, "INTERNAL"}, MissingPartition{5, "INTERNAL"}))
        << wrong;
  }
}

}  // namespace
}  // namespace tributary::rpc::testing
