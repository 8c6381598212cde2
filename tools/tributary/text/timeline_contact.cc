// Pages, calls, messages, posts, surveys and feedback in words.
#include "fmt/format.h"
#include "text/format.h"
#include "text/table.h"
#include "text/timeline.h"

namespace tributary::cli::words {
namespace {

using events::v1::CustomerEvent;

std::string Interaction(const CustomerEvent& event) {
  const auto& interaction = event.interaction_recorded();
  std::string length;
  if (interaction.has_started_at() && interaction.has_ended_at()) {
    length = DurationText(TimeOf(interaction.ended_at()) - TimeOf(interaction.started_at()));
  }
  std::string waited;
  if (interaction.wait().seconds() > 0) waited = "waited " + DurationText(absl::Seconds(interaction.wait().seconds()));
  const bool outbound = event.direction() == events::v1::DIRECTION_OUTBOUND;
  return fmt::format(
      "{}{}{}", outbound ? "we began: " : "", interaction.kind().empty() ? "contact" : OneLine(interaction.kind(), 40),
      InBrackets({EnumText(*events::v1::InteractionRecorded::Disposition_descriptor(), interaction.disposition()),
                  interaction.topic(), interaction.queue(), waited, length}));
}

std::string Message(const CustomerEvent& event) {
  const auto& message = event.message_exchanged();
  const bool ours = event.direction() == events::v1::DIRECTION_OUTBOUND ||
                    message.author_kind() == events::v1::AUTHOR_KIND_STAFF ||
                    message.author_kind() == events::v1::AUTHOR_KIND_BOT;
  std::string text = ours ? "we wrote" : "wrote";
  if (!message.subject().empty()) text += " " + Quoted(message.subject());
  if (!message.text().empty()) text += ": " + Quoted(message.text());
  if (message.attachments_size() > 0) text += fmt::format(" with {} attachments", message.attachments_size());
  return text;
}

std::string RatingText(const events::v1::Decimal& rating, bool has_max, const events::v1::Decimal& max) {
  return has_max ? fmt::format("{} of {}", DecimalText(rating), DecimalText(max)) : DecimalText(rating);
}

std::string Answered(const events::v1::SurveyAnswered& survey) {
  std::string text = fmt::format("answered survey {}", OneLine(survey.survey_id(), 60));
  std::string answers;
  for (const auto& answer : survey.answers()) {
    std::string one;
    if (answer.has_score()) {
      one = fmt::format("{} {}", EnumText(*events::v1::SurveyAnswer::Kind_descriptor(), answer.kind()),
                        RatingText(answer.score(), answer.has_max(), answer.max()));
    }
    if (!answer.text().empty()) one += (one.empty() ? "" : " ") + Quoted(answer.text());
    if (one.empty()) continue;
    answers += (answers.empty() ? ": " : "; ") + one;
  }
  return text + answers + (survey.complete() ? "" : " (so far)");
}

std::string Feedback(const events::v1::FeedbackGiven& feedback) {
  using F = events::v1::FeedbackGiven;
  std::string text = "gave feedback";
  if (feedback.kind() == F::KIND_COMPLAINT) text = "complained";
  if (feedback.kind() == F::KIND_PRAISE) text = "praised";
  if (feedback.kind() == F::KIND_SUGGESTION) text = "proposed";
  if (feedback.kind() == F::KIND_QUESTION) text = "asked";
  if (feedback.kind() == F::KIND_RATING) text = "rated";
  text += InBrackets(
      {feedback.topic(),
       feedback.has_rating() ? RatingText(feedback.rating(), feedback.has_rating_max(), feedback.rating_max()) : ""});
  return feedback.text().empty() ? text : text + ": " + Quoted(feedback.text());
}

std::string Post(const events::v1::PublicPostObserved& post) {
  std::string text = fmt::format("posted on {}", OneLine(post.platform(), 60));
  if (post.has_rating()) text += InBrackets({RatingText(post.rating(), post.has_rating_max(), post.rating_max())});
  return post.text().empty() ? text : text + ": " + Quoted(post.text());
}

}  // namespace

std::string OfContact(const CustomerEvent& event) {
  switch (event.body_case()) {
    case CustomerEvent::kPageViewed: {
      const auto& page = event.page_viewed();
      const std::string& name = page.title().empty() ? page.name() : page.title();
      if (name.empty()) return "saw page " + OneLine(page.url(), 100);
      return fmt::format("saw page {}{}", Quoted(name), InBrackets({page.url()}));
    }
    case CustomerEvent::kScreenViewed:
      return "saw screen " + Quoted(event.screen_viewed().name());
    case CustomerEvent::kTracked:
      return OneLine(event.tracked().name(), 100);
    case CustomerEvent::kInteractionRecorded:
      return Interaction(event);
    case CustomerEvent::kMessageExchanged:
      return Message(event);
    case CustomerEvent::kTranscriptRecorded: {
      const auto& transcript = event.transcript_recorded();
      std::string text = fmt::format("said, in {} stretches", transcript.segments_size());
      return transcript.segments_size() == 0 ? text : text + ": " + Quoted(transcript.segments(0).text());
    }
    case CustomerEvent::kNoteWritten:
      return fmt::format("note by staff{}: {}", InBrackets({event.note_written().topic()}),
                         Quoted(event.note_written().text()));
    case CustomerEvent::kPublicPostObserved:
      return Post(event.public_post_observed());
    case CustomerEvent::kSurveyInvited:
      return "was invited to survey " + OneLine(event.survey_invited().survey_id(), 60);
    case CustomerEvent::kSurveyAnswered:
      return Answered(event.survey_answered());
    case CustomerEvent::kFeedbackGiven:
      return Feedback(event.feedback_given());
    case CustomerEvent::kDeliveryReported: {
      const auto& report = event.delivery_reported();
      return fmt::format(
          "our message {}{}", EnumText(*events::v1::DeliveryReported::Status_descriptor(), report.status()),
          InBrackets({EnumText(*events::v1::DeliveryReported::BounceClass_descriptor(), report.bounce_class()),
                      report.send_id()}));
    }
    default:
      return "";
  }
}

}  // namespace tributary::cli::words
