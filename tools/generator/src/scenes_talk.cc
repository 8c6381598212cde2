#include "catalogue.h"
#include "fmt/format.h"
#include "scenes.h"

namespace tributary::generator::scene {
namespace {

// Mail is by the address, LINE by the user.
bool WritesOnLine(Stage& stage) { return stage.who().has_line && stage.Chance(65); }

void Write(Stage& stage, const Place& place, ev::AuthorKind author, std::string_view text, const std::string& thread) {
  ev::CustomerEvent* event = stage.Add(place);
  if (place.channel == ev::CHANNEL_LINE) {
    stage.ByLine();
  } else {
    stage.ByEmail(stage.who().email);
  }
  event->set_conversation_id(thread);
  ev::MessageExchanged* message = event->mutable_message_exchanged();
  message->set_message_id(stage.NewId("M"));
  message->set_author_kind(author);
  message->set_text(std::string(text));
  message->set_language(stage.who().language);
}

void WriteBack(Stage& stage, const Place& place, const std::string& thread) {
  Write(stage, place, ev::AUTHOR_KIND_STAFF, Pick(StaffAnswers(), stage.random()).In(stage.who().language), thread);
}

const Talk& Displeasure(Stage& stage, Subject subject) {
  return Pick(subject == Subject::kTable ? TableComplaints() : RoomComplaints(), stage.random());
}

const Talk& Pleasure(Stage& stage, Subject subject) {
  return Pick(subject == Subject::kTable ? TablePraise() : RoomPraise(), stage.random());
}

void GiveFeedback(Stage& stage, ev::FeedbackGiven::Kind kind, const Talk& talk, int64_t rating,
                  const std::string& location) {
  const bool by_line = WritesOnLine(stage);
  const std::string thread = stage.NewId(by_line ? "chat-" : "thread-");
  ev::CustomerEvent* event = stage.Add(by_line ? place::kLineIn : place::kMailIn);
  if (by_line) {
    stage.ByLine();
  } else {
    stage.ByEmail(stage.who().email);
  }
  event->set_location_id(location);
  event->set_conversation_id(thread);
  ev::FeedbackGiven* feedback = event->mutable_feedback_given();
  feedback->set_feedback_id(stage.NewId("F"));
  feedback->set_kind(kind);
  feedback->set_topic(std::string(talk.topic));
  feedback->set_text(std::string(talk.In(stage.who().language)));
  feedback->set_language(stage.who().language);
  feedback->mutable_rating()->set_units(rating);
  feedback->mutable_rating_max()->set_units(5);
  if (kind != ev::FeedbackGiven::KIND_COMPLAINT) return;
  stage.PassMinutes(20, 60 * 10);
  WriteBack(stage, by_line ? place::kLineOut : place::kMailOut, thread);
  if (stage.Chance(30)) stage.Later(stage.now() + absl::Hours(stage.Between(3, 40)), CallUs);
}

void AddScore(ev::SurveyAnswered* survey, const char* question, ev::SurveyAnswer::Kind kind, int64_t score,
              int64_t most) {
  ev::SurveyAnswer* answer = survey->add_answers();
  answer->set_question_id(question);
  answer->set_kind(kind);
  answer->mutable_score()->set_units(score);
  answer->mutable_min()->set_units(kind == ev::SurveyAnswer::KIND_NPS ? 0 : 1);
  answer->mutable_max()->set_units(most);
}

// `mood` of 0 to 10 is the score that would be given.
void AnswerSurvey(Stage& stage, Subject subject, const std::string& location, int64_t mood) {
  const std::string survey_id = subject == Subject::kTable ? "after-visit" : "after-stay";
  const std::string invitation = stage.NewId("I");
  ev::CustomerEvent* invited = stage.Add(place::kSurveyOut);
  stage.ByEmail(stage.who().email);
  invited->set_location_id(location);
  invited->mutable_survey_invited()->set_survey_id(survey_id);
  invited->mutable_survey_invited()->set_invitation_id(invitation);
  if (!stage.Chance(55)) return;
  stage.PassMinutes(10, 60 * 30);
  ev::CustomerEvent* event = stage.Add(place::kSurvey);
  stage.ByEmail(stage.who().email);
  event->set_location_id(location);
  ev::SurveyAnswered* survey = event->mutable_survey_answered();
  survey->set_survey_id(survey_id);
  survey->set_version("3");
  survey->set_invitation_id(invitation);
  survey->set_response_id(stage.NewId("A"));
  survey->set_complete(true);
  AddScore(survey, "recommend", ev::SurveyAnswer::KIND_NPS, mood, 10);
  AddScore(survey, "satisfied", ev::SurveyAnswer::KIND_CSAT, 1 + mood * 4 / 10, 5);
  if (stage.Chance(45)) return;
  ev::SurveyAnswer* words = survey->add_answers();
  words->set_question_id("why");
  words->set_kind(ev::SurveyAnswer::KIND_TEXT);
  const Talk& talk = mood >= 9   ? Pleasure(stage, subject)
                     : mood >= 7 ? Pick(Suggestions(), stage.random())
                                 : Displeasure(stage, subject);
  words->set_text(std::string(talk.In(stage.who().language)));
  words->set_topic(std::string(talk.topic));
}

void Note(Stage& stage, const std::string& phone, const Talk& talk, const std::string& staff) {
  ev::CustomerEvent* note = stage.Add(place::kCall);
  stage.ByPhone(phone);
  // The agent has opened the customer's record.
  if (stage.Chance(45)) stage.ByAccount(ev::VERIFICATION_STAFF);
  note->set_staff_id(staff);
  note->mutable_note_written()->set_note_id(stage.NewId("N"));
  note->mutable_note_written()->set_topic(std::string(talk.topic));
  note->mutable_note_written()->set_text(fmt::format("ลูกค้าถาม: {}", talk.thai));
  // Written on the wrong customer, and taken back.
  if (stage.random().Below(60) != 0) return;
  const std::string event_id = note->event_id();
  stage.PassMinutes(1, 9);
  ev::CustomerEvent* void_note = stage.Add(place::kCall);
  stage.ByPhone(phone);
  void_note->mutable_event_retracted()->mutable_event()->set_event_id(event_id);
  void_note->mutable_event_retracted()->set_reason("wrong_customer");
}

}  // namespace

void CallUs(Stage& stage) {
  // Most numbers come from the network; some are keyed in.
  const std::string phone = stage.Chance(80) ? stage.who().phone : stage.TypedPhone();
  const Talk& talk = Pick(Questions(), stage.random());
  const int64_t wait = stage.Between(5, 240);
  const bool answered = wait < 200;
  const std::string staff = fmt::format("agent-{:02}", stage.Between(1, 12));
  ev::CustomerEvent* event = stage.Add(place::kCall);
  stage.ByPhone(phone);
  ev::InteractionRecorded* call = event->mutable_interaction_recorded();
  const std::string interaction_id = stage.NewId("C");
  call->set_interaction_id(interaction_id);
  call->set_kind("call");
  call->set_queue(stage.who().language == "en" ? "english" : "thai");
  call->mutable_wait()->set_seconds(wait);
  call->mutable_started_at()->set_seconds(absl::ToUnixSeconds(stage.now()));
  stage.Pass(absl::Seconds(wait) + absl::Seconds(stage.Between(40, 500)));
  call->mutable_ended_at()->set_seconds(absl::ToUnixSeconds(stage.now()));
  call->set_disposition(answered ? ev::InteractionRecorded::DISPOSITION_ANSWERED
                                 : ev::InteractionRecorded::DISPOSITION_ABANDONED);
  call->set_topic(std::string(talk.topic));
  if (!answered) return;
  event->set_staff_id(staff);
  if (stage.Chance(12)) {
    ev::CustomerEvent* transcript = stage.Add(place::kCall);
    stage.ByPhone(phone);
    transcript->mutable_transcript_recorded()->set_interaction_id(interaction_id);
    transcript->mutable_transcript_recorded()->set_language(stage.who().language);
    ev::TranscriptSegment* said = transcript->mutable_transcript_recorded()->add_segments();
    said->set_author_kind(ev::AUTHOR_KIND_CUSTOMER);
    said->set_text(std::string(talk.In(stage.who().language)));
  }
  if (stage.Chance(70)) Note(stage, phone, talk, staff);
}

void ChatOnLine(Stage& stage) {
  if (!stage.who().has_line) return;
  const std::string thread = stage.NewId("chat-");
  Write(stage, place::kLineIn, ev::AUTHOR_KIND_CUSTOMER, Pick(Questions(), stage.random()).In(stage.who().language),
        thread);
  stage.PassMinutes(1, 25);
  WriteBack(stage, place::kLineOut, thread);
  if (!stage.Chance(50)) return;
  stage.PassMinutes(1, 10);
  Write(stage, place::kLineIn, ev::AUTHOR_KIND_CUSTOMER, Pick(Thanks(), stage.random()).In(stage.who().language),
        thread);
}

void WriteMail(Stage& stage) {
  const std::string thread = stage.NewId("thread-");
  Write(stage, place::kMailIn, ev::AUTHOR_KIND_CUSTOMER, Pick(Questions(), stage.random()).In(stage.who().language),
        thread);
  stage.PassMinutes(30, 600);
  WriteBack(stage, place::kMailOut, thread);
}

void AskAfterVisit(Stage& stage, Subject subject, std::string_view location, int survey_percent) {
  // Most are content; some are not at all.
  const int64_t mood = stage.Chance(14) ? stage.Between(0, 5) : stage.Between(6, 10);
  const std::string at(location);
  const absl::Time evening = stage.now() + absl::Hours(stage.Between(2, 20));
  const bool reachable = stage.who().known || stage.who().takes_news || subject == Subject::kRoom;
  if (reachable && stage.Chance(survey_percent)) {
    stage.Later(evening, [subject, at, mood](Stage& later) { AnswerSurvey(later, subject, at, mood); });
  }
  if (mood <= 4 && stage.Chance(40)) {
    stage.Later(evening + absl::Hours(1), [subject, at, mood](Stage& later) {
      GiveFeedback(later, ev::FeedbackGiven::KIND_COMPLAINT, Displeasure(later, subject), 1 + mood / 3, at);
    });
  } else if (mood >= 9 && stage.Chance(10)) {
    stage.Later(evening + absl::Hours(1), [subject, at](Stage& later) {
      GiveFeedback(later, ev::FeedbackGiven::KIND_PRAISE, Pleasure(later, subject), 5, at);
    });
  }
}

}  // namespace tributary::generator::scene
