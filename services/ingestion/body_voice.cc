// Bodies of what the customer tells us, allows and wishes.
#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "ingestion/bodies.h"
#include "tributary/base/money.h"

namespace tributary::ingestion {
namespace {

using events::v1::Channel_IsValid;
using Sign = Checks::Sign;

Amount ValueOf(const events::v1::Decimal& value) { return Amount::Of(value.units(), value.nanos()).value_or(Amount()); }

void CheckAnswer(Checks& c, const Path& at, const events::v1::SurveyAnswer& answer) {
  using Answer = events::v1::SurveyAnswer;
  c.Text(at["question_id"], answer.question_id(), 64, Need::kRequired);
  c.Enum(at["kind"], Answer::Kind_IsValid(answer.kind()), answer.kind(), Need::kRequired);
  if (answer.has_min()) c.Decimal(at["min"], answer.min(), Sign::kAny);
  if (answer.has_max()) c.Decimal(at["max"], answer.max(), Sign::kAny);
  if (answer.has_min() && answer.has_max() && ValueOf(answer.max()) <= ValueOf(answer.min())) {
    c.Refuse(at["max"], "OUT_OF_RANGE", "is not above min", "Send the top of the scale");
  }
  if (answer.has_score()) {
    c.Decimal(at["score"], answer.score(), Sign::kAny);
    const Amount score = ValueOf(answer.score());
    if ((answer.has_min() && score < ValueOf(answer.min())) || (answer.has_max() && score > ValueOf(answer.max()))) {
      c.Refuse(at["score"], "OUT_OF_RANGE", "lies outside of the scale", "Send a score between min and max");
    }
  }
  c.Text(at["text"], answer.text(), 8192);
  c.Texts(at, "choices", answer.choices(), 50, 64);
  c.Text(at["topic"], answer.topic(), 64);
}

// [a-z0-9_]{1,64}, or nothing.
void CheckPurpose(Checks& c, const Path& at, const std::string& value) {
  c.Text(at, value, 64);
  const bool fits = std::all_of(value.begin(), value.end(),
                                [](char x) { return (x >= 'a' && x <= 'z') || (x >= '0' && x <= '9') || x == '_'; });
  if (!fits) c.Refuse(at, "MALFORMED", "holds other characters than a-z, 0-9 and '_'", "Use those alone");
}

}  // namespace

void CheckBody(Checks& c, const Path& at, events::v1::SurveyInvited& body) {
  c.Id(at["survey_id"], body.survey_id());
  c.Id(at["invitation_id"], body.invitation_id());
  if (body.has_expires_at()) c.Time(at["expires_at"], body.expires_at());
}

void CheckBody(Checks& c, const Path& at, events::v1::SurveyAnswered& body) {
  c.Id(at["survey_id"], body.survey_id());
  c.Text(at["version"], body.version(), 32);
  c.Text(at["invitation_id"], body.invitation_id(), 128);
  c.Id(at["response_id"], body.response_id());
  c.AtMost(at["answers"], body.answers_size(), 100);
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; c.ok() && i < body.answers_size(); ++i) {
    const Path answer = at.At("answers", i);
    CheckAnswer(c, answer, body.answers(i));
    if (!seen.insert(body.answers(i).question_id()).second) {
      c.Refuse(answer["question_id"], "DUPLICATE", "another answer is to the same question", "Send one for each");
    }
  }
  if (body.has_order()) c.Order(at["order"], body.order());
}

void CheckBody(Checks& c, const Path& at, events::v1::FeedbackGiven& body) {
  c.Id(at["feedback_id"], body.feedback_id());
  c.Enum(at["kind"], events::v1::FeedbackGiven::Kind_IsValid(body.kind()), body.kind(), Need::kOptional);
  c.Text(at["topic"], body.topic(), 64);
  if (body.has_order()) c.Order(at["order"], body.order());
  c.Text(at["text"], body.text(), 65'536);
  c.Text(at["language"], body.language(), 35);
  if (body.has_rating()) c.Decimal(at["rating"], body.rating(), Sign::kAny);
  if (body.has_rating_max()) c.Decimal(at["rating_max"], body.rating_max(), Sign::kPositive);
  c.Attachments(at, body.attachments());
}

void CheckBody(Checks& c, const Path& at, events::v1::ConsentStated& body) {
  using Body = events::v1::ConsentStated;
  if (body.has_contact_point()) c.ContactPoint(at["contact_point"], body.contact_point());
  CheckPurpose(c, at["purpose"], body.purpose());
  c.Enum(at["channel"], Channel_IsValid(body.channel()), body.channel(), Need::kOptional);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kRequired);
  c.Enum(at["basis"], Body::Basis_IsValid(body.basis()), body.basis(), Need::kOptional);
  if (body.status() == Body::STATUS_GIVEN) {
    // A wide No is always taken; a Yes must say to what.
    c.Text(at["purpose"], body.purpose(), 64, Need::kRequired);
    if (!body.has_contact_point()) c.Present(at["channel"], body.channel() != events::v1::CHANNEL_UNSPECIFIED);
  }
  c.Text(at["text_version"], body.text_version(), 64);
  c.Text(at["method"], body.method(), 64);
  c.Text(at["evidence"], body.evidence(), 512);
  if (body.has_valid_until()) c.Time(at["valid_until"], body.valid_until());
}

void CheckBody(Checks& c, const Path& at, events::v1::PreferenceStated& body) {
  c.AtMost(at["channels"], body.channels_size(), 15);
  for (int i = 0; c.ok() && i < body.channels_size(); ++i) {
    c.Enum(at.At("channels", i), Channel_IsValid(body.channels(i)), body.channels(i), Need::kRequired);
  }
  c.AtMost(at["hours"], body.hours_size(), 14);
  for (int i = 0; c.ok() && i < body.hours_size(); ++i) {
    const Path hours = at.At("hours", i);
    const events::v1::LocalHours& value = body.hours(i);
    c.AtMost(hours["weekdays"], value.weekdays_size(), 7);
    for (int j = 0; c.ok() && j < value.weekdays_size(); ++j) c.Count(hours.At("weekdays", j), value.weekdays(j), 1, 7);
    c.Count(hours["from_minute"], value.from_minute(), 0, 1439);
    c.Count(hours["until_minute"], value.until_minute(), 1, 1440);
    if (value.until_minute() <= value.from_minute()) {
      c.Refuse(hours["until_minute"], "OUT_OF_RANGE", "is not after from_minute", "Split hours at midnight");
    }
  }
  c.AtMost(at["max_frequencies"], body.max_frequencies_size(), 15);
  for (int i = 0; c.ok() && i < body.max_frequencies_size(); ++i) {
    const Path most = at.At("max_frequencies", i);
    const events::v1::MaxFrequency& value = body.max_frequencies(i);
    c.Count(most["messages"], value.messages(), 0, INT32_MAX);
    c.Count(most["days"], value.days(), 1, 365);
    c.Enum(most["channel"], Channel_IsValid(value.channel()), value.channel(), Need::kOptional);
    for (int j = 0; j < i; ++j) {
      if (body.max_frequencies(j).channel() == value.channel()) {
        c.Refuse(most["channel"], "DUPLICATE", "another bound is for the same channel", "Send one for each channel");
      }
    }
  }
  c.Text(at["language"], body.language(), 35);
}

void CheckBody(Checks& c, const Path& at, events::v1::DataRightsRequested& body) {
  c.Id(at["request_ref"], body.request_ref());
  c.Enum(at["kind"], events::v1::DataRightsRequested::Kind_IsValid(body.kind()), body.kind(), Need::kRequired);
  c.Text(at["text"], body.text(), 8192);
}

}  // namespace tributary::ingestion
