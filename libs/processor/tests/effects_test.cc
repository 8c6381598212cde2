// Effects outside: requested, claimed, called once, ended (rule 21).
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

// A fact "<id> <channel>" requests; endings are noted as "<id> <status> <reason>"; `withhold` as it says.
class Effects : public ::testing::Test {
 protected:
  Script MakeScript() {
    return {.decide = [this](const Input& input, const View& view, absl::Time now) {
      Decided decided;
      if (const auto* fact = std::get_if<Fact>(&input)) {
        const std::string text = TextOf(fact->value);
        const size_t blank = text.find(' ');
        decided.decisions.push_back(RequestEffect(text.substr(0, blank), text.substr(blank + 1), "payload"));
      } else if (const auto* ready = std::get_if<ReadyEffect>(&input)) {
        if (withhold_)
          decided.withhold = "NO_CONSENT";
        else
          decided.decisions.push_back(Note("claim " + ready->effect_id));
      } else if (const auto* ended = std::get_if<EndedEffect>(&input)) {
        decided.decisions.push_back(
            Note(fmt::format("{} {} {}", ended->effect_id, static_cast<int>(ended->status), ended->reason)));
      } else {
        decided = Script::NoteAll(input, view, now);
      }
      return decided;
    }};
  }
  Bench bench_;
  FakeChannels channels_;
  bool withhold_ = false;
};

TEST_F(Effects, AreCalledOnceAfterTheirClaimIsCommittedAndTheOutcomeIsRecorded) {
  Instance a(bench_, MakeScript(), {}, &channels_);
  a.Run();
  a.log.HoldBatches();
  bench_.Append(Word("e1 mail"));
  a.Run();
  a.log.Deliver();  // the request
  a.Run();
  EXPECT_TRUE(channels_.calls.empty()) << "the claim is on its way";
  a.log.DeliverAll();
  a.log.Hold(nullptr);
  a.Run();
  ASSERT_EQ(channels_.calls.size(), 1U);
  EXPECT_EQ(channels_.calls[0].effect_id, "e1");
  EXPECT_EQ(channels_.calls[0].channel, "mail");
  EXPECT_EQ(channels_.calls[0].payload, "payload");
  EXPECT_EQ(channels_.calls[0].attempt, 1);
  EXPECT_FALSE(a.task().Quiet());
  channels_.End(0, {EffectStatus::kDelivered, "ACCEPTED"});
  a.Run();
  EXPECT_EQ(a.Noted("e1 0 ACCEPTED"), 1);
  EXPECT_TRUE(a.task().Quiet());
  bench_.clock.Advance(absl::Hours(1));
  a.Restart();
  EXPECT_EQ(channels_.calls.size(), 1U);
}

TEST_F(Effects, AreRequestedOnceForEver) {
  Instance a(bench_, MakeScript(), {}, &channels_);
  bench_.Append(Word("e1 mail"));
  a.Run();
  channels_.End(0, {EffectStatus::kFailed, "BOUNCED"});
  a.Run();
  bench_.Append(Word("e1 mail"));
  a.Run();
  EXPECT_EQ(channels_.calls.size(), 1U);
  EXPECT_EQ(a.Noted("e1 1 BOUNCED"), 1);
}

TEST_F(Effects, AreJudgedAgainAtTheClaimAndMayBeWithheld) {
  withhold_ = true;
  Instance a(bench_, MakeScript(), {}, &channels_);
  bench_.Append(Word("e1 mail"));
  a.Run();
  EXPECT_TRUE(channels_.calls.empty());
  EXPECT_EQ(a.Noted("e1 3 NO_CONSENT"), 1);
  EXPECT_TRUE(a.task().Quiet());
}

TEST_F(Effects, OfAClaimantThatIsGoneAreTriedAgainWithTheSameKeyWhereTheChannelTakesIt) {
  Instance a(bench_, MakeScript(), {}, &channels_);
  bench_.Append(Word("e1 idempotent"));
  bench_.Append(Word("e2 mail"));
  a.Run();
  ASSERT_EQ(channels_.calls.size(), 2U);
  a.Restart();
  EXPECT_EQ(channels_.calls.size(), 2U) << "it may be gone, or only slow";
  bench_.clock.Advance(absl::Seconds(61));
  a.Run();
  ASSERT_EQ(channels_.calls.size(), 3U);
  EXPECT_EQ(channels_.calls[2].effect_id, "e1");
  EXPECT_EQ(channels_.calls[2].attempt, 2);
  EXPECT_EQ(a.Noted("e2 2 CLAIMANT_GONE"), 1) << "unknown, and never repeated";
  channels_.End(2, {EffectStatus::kDelivered, ""});
  a.Run();
  EXPECT_EQ(a.Noted("e1 0 "), 1);
  EXPECT_TRUE(a.task().Quiet());
}

TEST_F(Effects, OfALostClaimAreClaimedAnew) {
  Instance a(bench_, MakeScript(), {}, &channels_);
  Instance b(bench_, MakeScript());
  bench_.Append(Word("e1 mail"));
  a.Run();
  b.Run();
  channels_.End(0, {EffectStatus::kDelivered, ""});
  a.Run();
  b.Run();
  bench_.Append(Word("e2 mail"));
  a.log.Hold([](const auto&, const eventlog::Record& record) {
    return record.FindHeader("t").value_or("").find("effect_claimed") != std::string_view::npos;
  });
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  b.Run();
  b.task().Submit(Say("r1", "hello"), [](auto) {});
  b.Run();          // a batch before the claim
  a.log.Deliver();  // void
  a.log.Hold(nullptr);
  EXPECT_TRUE(a.Run());
  ASSERT_EQ(channels_.calls.size(), 2U);
  EXPECT_EQ(channels_.calls[1].effect_id, "e2");
}

TEST_F(Effects, WhoseOutcomeWasInABatchThatBecameVoidStillEnd) {
  Instance a(bench_, MakeScript(), {}, &channels_);
  Instance b(bench_, MakeScript());
  bench_.Append(Word("e1 mail"));
  a.Run();
  b.Run();
  a.log.HoldBatches();
  channels_.End(0, {EffectStatus::kDelivered, ""});
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  b.task().Submit(Say("r1", "hello"), [](auto) {});
  b.Run();
  a.log.Deliver();  // void
  a.log.Hold(nullptr);
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Noted("e1 0 "), 1);
  EXPECT_EQ(channels_.calls.size(), 1U);
  EXPECT_TRUE(a.task().Quiet());
}

TEST_F(Effects, AreNotCalledByATwinThatReadsTheClaim) {
  FakeChannels others;
  Instance a(bench_, MakeScript(), {}, &channels_);
  Instance b(bench_, MakeScript(), {}, &others);
  a.Run();
  b.Run();
  bench_.Append(Word("e1 mail"));
  a.Run();
  b.Run();
  EXPECT_EQ(channels_.calls.size(), 1U);
  EXPECT_TRUE(others.calls.empty());
  bench_.clock.Advance(absl::Seconds(61));
  b.Run();  // takes the claimant for gone
  channels_.End(0, {EffectStatus::kDelivered, ""});
  a.Run();
  b.Run();
  EXPECT_EQ(a.Noted("e1 2 CLAIMANT_GONE") + a.Noted("e1 0 "), 1) << "one outcome";
  EXPECT_EQ(a.Digest().facts_and_decisions, b.Digest().facts_and_decisions);
}

}  // namespace
}  // namespace tributary::processor
