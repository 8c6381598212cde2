// Reading what one wrote, also over two logs (DESIGN section 5).
#include <gmock/gmock.h>

#include "absl/strings/escaping.h"
#include "tests/bench.h"
#include "tributary/processor/token.h"

namespace tributary::processor {
namespace {

using ::testing::ElementsAre;

TEST(Token, ComesBackAsItWasEncoded) {
  const std::vector<TokenPosition> positions = {{{"intake", Partition(7)}, Offset(0)},
                                                {{"journey", Partition(4095)}, Offset(INT64_MAX)}};
  EXPECT_EQ(*DecodeToken(EncodeToken(positions)), positions);
  EXPECT_EQ(EncodeToken({}), "");
  EXPECT_TRUE(DecodeToken("")->empty());
  EXPECT_TRUE(DecodeToken(EncodeToken(std::vector<TokenPosition>(64, positions[0]))).ok());
}

TEST(Token, WhatIsNoneIsRefused) {
  const auto wrap = [](const char* text) { return absl::WebSafeBase64Escape(text); };
  const std::vector<std::string> garbage = {
      "!",
      "%%%%",
      wrap("intake"),
      wrap("intake/1;"),
      wrap("intake/1/2"),
      wrap("intake/x/2;"),
      wrap("intake/1/x;"),
      wrap("intake/1/-2;"),
      wrap("intake/-1/2;"),
      wrap("intake/1/2;rest"),
      wrap("intake/1/99999999999999999999;"),
      wrap("intake/9999999999/2;"),
      wrap(";"),
      wrap("//;"),
      wrap("a;b/1/2"),
      EncodeToken(std::vector<TokenPosition>(65, {{"intake", Partition(1)}, Offset(2)}))};
  for (const std::string& token : garbage) {
    const auto decoded = DecodeToken(token);
    ASSERT_FALSE(decoded.ok()) << token;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(DetailOf(decoded.status())->reason, "INVALID_TOKEN");
    EXPECT_EQ(DetailOf(decoded.status())->field, "token");
  }
}

// "journey" stands for the log of intake, "there" for the one that its facts reach.
class Gate : public ::testing::Test {
 protected:
  Gate() {
    const auto pass_on = [](const Input& input, const View&, absl::Time) {
      Decided decided;
      if (const auto* fact = std::get_if<Fact>(&input)) decided.outputs.push_back(WordTo(kThere, TextOf(fact->value)));
      return decided;
    };
    sender_ = Add({.name = "sender", .decide = pass_on}, kHere, &door_);
    reader_ = Add({.name = "reader"}, kThere, bench_.log.get());
    Run();
  }
  Task* Add(Script script, const PartitionRef& partition, eventlog::EventLog* log) {
    auto processor = std::make_unique<Scripted>(std::move(script));
    auto task =
        *Task::Open({.partition = partition, .empty_batch_age = absl::ZeroDuration()}, {.log = log,
                                                                                        .store = NewStore(),
                                                                                        .processor = processor.get(),
                                                                                        .clock = &bench_.clock,
                                                                                        .random = &bench_.random});
    return host_.Add(std::move(processor), std::move(task));
  }
  void Run() {
    for (int i = 0; i < 50; ++i) {
      for (Task* task : host_.tasks()) task->Step();  // the host was not started: steps are the test's
    }
  }
  // The counts of "x" in the snapshot that a read with this token got; the code if none.
  void Read(const std::vector<TokenPosition>& positions) { Read(gate_, positions); }
  void Read(const ReadGate& gate, const std::vector<TokenPosition>& positions) {
    seen_.clear();
    gate.Read(reader_, EncodeToken(positions), bench_.clock.Now() + absl::Seconds(1), [this](auto snapshot) {
      seen_.push_back(snapshot.ok() ? std::to_string(CountIn((*snapshot)->view(), kSeen, "x"))
                                    : std::string(absl::StatusCodeToString(snapshot.status().code())));
    });
  }

  Bench bench_;
  HeldLog door_{bench_.log.get()};
  TaskHost host_{{.threads = 1}};
  Task* sender_ = nullptr;
  Task* reader_ = nullptr;
  ReadGate gate_{&host_, bench_.log.get(), {{"journey", "sender"}}};
  std::vector<std::string> seen_;
};

TEST_F(Gate, AReadWithoutATokenIsAnsweredAtOnce) {
  Read({});
  EXPECT_THAT(seen_, ElementsAre("0"));
}

TEST_F(Gate, AReadWaitsForWhatWasWrittenToItsOwnPartition) {
  const Offset fact = bench_.Append(Word("x"), kThere);
  Read({{kThere, fact}});
  EXPECT_TRUE(seen_.empty());
  Run();
  EXPECT_THAT(seen_, ElementsAre("1"));
}

TEST_F(Gate, AReadWaitsForWhatReachesItThroughAnotherLog) {
  door_.HoldTo("there");
  const Offset fact = bench_.Append(Word("x"));
  Read({{kHere, fact}});
  Run();
  EXPECT_TRUE(seen_.empty()) << "it is on its way";
  door_.Deliver();
  Run();
  EXPECT_THAT(seen_, ElementsAre("1"));
}

TEST_F(Gate, APositionOfASisterPartitionDoesNotConcernIt) {
  Read({{kAlsoThere, Offset(1'000)}});
  EXPECT_THAT(seen_, ElementsAre("0"));
}

TEST_F(Gate, WhatDoesNotComeEndsAtTheDeadline) {
  Read({{kThere, Offset(1'000)}});
  bench_.clock.Advance(absl::Seconds(2));
  Run();
  EXPECT_THAT(seen_, ElementsAre("DEADLINE_EXCEEDED"));
  Read({{kHere, Offset(1'000)}});
  bench_.clock.Advance(absl::Seconds(2));
  Run();
  EXPECT_THAT(seen_, ElementsAre("DEADLINE_EXCEEDED"));
}

TEST_F(Gate, WhereTheTaskIsNotOfThisProcessTheOneThatHasItIsAsked) {
  std::vector<std::pair<TokenPosition, std::function<void(absl::Status)>>> asked;
  const ReadGate gate(&host_, bench_.log.get(),
                      {{"journey", "sender", [&](const TokenPosition& position, absl::Time, auto done) {
                          asked.emplace_back(position, std::move(done));
                        }}});
  const TokenPosition elsewhere{{"journey", Partition(17)}, Offset(5)};
  Read(gate, {elsewhere});
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].first, elsewhere);
  EXPECT_TRUE(seen_.empty());
  bench_.Append(Word("x"), kThere);  // what follows from it
  asked[0].second(absl::OkStatus());
  Run();
  EXPECT_THAT(seen_, ElementsAre("1"));
  Read(gate, {elsewhere});
  asked[1].second(absl::UnavailableError("gone"));
  EXPECT_THAT(seen_, ElementsAre("UNAVAILABLE"));
}

TEST_F(Gate, APartitionThatDoesNotExistIsABadToken) {
  Read({{{"journey", Partition(17)}, Offset(1)}});
  EXPECT_THAT(seen_, ElementsAre("INVALID_ARGUMENT"));
}

}  // namespace
}  // namespace tributary::processor
