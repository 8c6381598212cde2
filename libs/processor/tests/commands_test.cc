// Commands and their answers (rule 12).
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

using ::testing::ElementsAre;

struct Answers {
  ReplyFn Note() {
    return [this](absl::StatusOr<Reply> reply) {
      if (!reply.ok()) {
        const auto detail = DetailOf(reply.status());
        texts.push_back(detail ? detail->reason : std::string(absl::StatusCodeToString(reply.status().code())));
      } else {
        texts.push_back(reply->code == absl::StatusCode::kOk ? "ok" : reply->reason);
      }
    };
  }
  std::vector<std::string> texts;
};

TEST(Command, IsAnsweredAfterItsBatchIsCommitted) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.Run();
  a.log.HoldBatches();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  EXPECT_TRUE(answers.texts.empty());
  EXPECT_FALSE(a.task().Quiet());
  a.log.Deliver();
  a.Run();
  EXPECT_THAT(answers.texts, ElementsAre("ok"));
  EXPECT_EQ(a.Noted("hello"), 1);
}

TEST(Command, ARetryGetsTheSameAnswerAlsoAfterARestartAndARebuildAndDecidesNothing) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.Run();
  for (int i = 0; i < 4; ++i) {
    if (i == 2) a.Restart();
    if (i == 3) {
      a.LoseProjection();
      a.Restart();
    }
    a.task().Submit(Say("r1", "hello"), answers.Note());
    a.Run();
  }
  EXPECT_THAT(answers.texts, ElementsAre("ok", "ok", "ok", "ok"));
  EXPECT_EQ(a.Noted("hello"), 1);
  EXPECT_TRUE(a.task().Quiet());
}

TEST(Command, ARetryThatFindsItsRequestPendingWaitsForIt) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.Run();
  a.log.HoldBatches();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.task().Submit(Say("r1", "else"), answers.Note());
  a.Run();
  EXPECT_TRUE(answers.texts.empty());
  a.log.Deliver();
  a.log.Hold(nullptr);
  a.Run();
  EXPECT_THAT(answers.texts, ElementsAre("ok", "ok", "REQUEST_ID_CONFLICT"));
  EXPECT_EQ(a.Noted("hello"), 1);
  EXPECT_EQ(a.Noted("else"), 0);
}

TEST(Command, TheSameIdWithAnotherBodyIsAConflict) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.Run();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  a.task().Submit(Say("r1", "else"), answers.Note());
  a.Run();
  EXPECT_THAT(answers.texts, ElementsAre("ok", "REQUEST_ID_CONFLICT"));
  EXPECT_EQ(a.Noted("else"), 0);
}

TEST(Command, ARefusalThatAsksForARetryIsNotRecorded) {
  Bench bench;
  bool moving = true;
  Instance a(bench, {.decide = [&](const Input& input, const View& view, absl::Time now) {
               if (!moving) return Script::NoteAll(input, view, now);
               Decided decided;
               decided.reply = Reply{.code = absl::StatusCode::kUnavailable, .reason = "PROFILE_MOVING", .retry = true};
               return decided;
             }});
  Answers answers;
  a.Run();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  EXPECT_EQ(bench.Batches().size(), 1U);
  EXPECT_TRUE(a.task().Quiet()) << "nothing is left to do";
  const Progress progress = a.task().Step();
  EXPECT_GT(progress.idle_for, absl::Hours(1)) << "nor to wait for";
  moving = false;
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  EXPECT_THAT(answers.texts, ElementsAre("PROFILE_MOVING", "ok"));
}

TEST(Command, ARejectionIsRecordedAndRepeated) {
  Bench bench;
  bool open = false;
  Instance a(bench, {.decide = [&](const Input& input, const View& view, absl::Time now) {
               if (open) return Script::NoteAll(input, view, now);
               Decided decided;
               decided.reply = Reply::Reject(absl::StatusCode::kFailedPrecondition, "CLOSED", "", "come back later");
               return decided;
             }});
  Answers answers;
  a.Run();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  open = true;
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  EXPECT_THAT(answers.texts, ElementsAre("CLOSED", "CLOSED"));
}

TEST(Command, AnswersAreForgottenAfterSevenDaysByEveryReaderAlike) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.Run();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  bench.clock.Advance(kReplyRetention + absl::Seconds(1));
  bench.Append(Word("x"));
  a.Run();
  a.task().Submit(Say("r1", "hello"), answers.Note());
  a.Run();
  EXPECT_EQ(a.Noted("hello"), 2);
  EXPECT_EQ(Rebuild(bench)->Digest().facts_and_decisions, a.Digest().facts_and_decisions);
}

TEST(Command, TooManyThatWaitAreRefusedAndTheOthersAreAnswered) {
  Bench bench;
  Instance a(bench, {}, {.max_waiting_commands = 2});
  Answers answers;
  for (int i = 0; i < 3; ++i) a.task().Submit(Say("r" + std::to_string(i), "hello"), answers.Note());
  EXPECT_THAT(answers.texts, ElementsAre("RESOURCE_EXHAUSTED"));
  a.Run();
  EXPECT_THAT(answers.texts, ElementsAre("RESOURCE_EXHAUSTED", "ok", "ok"));
}

TEST(Command, WithoutAnIdIsRefused) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.task().Submit(Say("", "hello"), answers.Note());
  a.task().Submit(Say(std::string(129, 'r'), "hello"), answers.Note());
  EXPECT_THAT(answers.texts, ElementsAre("INVALID_REQUEST_ID", "INVALID_REQUEST_ID"));
}

TEST(Command, EveryoneWhoWaitsIsAnsweredUnavailableWhenTheTaskIsClosed) {
  Bench bench;
  Instance a(bench);
  Answers answers;
  a.Run();
  a.log.HoldBatches();
  a.task().Submit(Say("pending", "hello"), answers.Note());
  a.Run();
  a.task().Submit(Say("waiting", "hello"), answers.Note());
  a.Crash();
  EXPECT_THAT(answers.texts, ElementsAre("UNAVAILABLE", "UNAVAILABLE"));
}

TEST(Command, EveryoneWhoWaitsIsAnsweredUnavailableWhenTheTaskHalts) {
  Bench bench;
  Instance a(bench, {.decide = [](const Input& input, const View& view, absl::Time now) {
               Decided decided = Script::NoteAll(input, view, now);
               if (const auto* command = std::get_if<Command>(&input); command->request_id == "odd")
                 decided.reply.reset();
               return decided;
             }});
  Answers answers;
  a.Run();
  for (const char* id : {"before", "odd", "after"}) a.task().Submit(Say(id, "hello"), answers.Note());
  EXPECT_FALSE(a.Run()) << "a command without an answer is a failure of our own";
  EXPECT_THAT(answers.texts, ElementsAre("UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"));
  a.task().Submit(Say("late", "hello"), answers.Note());
  EXPECT_EQ(answers.texts.back(), "UNAVAILABLE");
}

}  // namespace
}  // namespace tributary::processor
