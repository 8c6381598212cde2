// Bodies of what is said between the customer and us, and in public.
#include "ingestion/bodies.h"

namespace tributary::ingestion {
namespace {

constexpr size_t kMaxTextBytes = 65'536;
constexpr size_t kMaxTranscriptBytes = 192 << 10;

void CheckAuthorKind(Checks& c, const Path& at, events::v1::AuthorKind kind) {
  c.Enum(at, events::v1::AuthorKind_IsValid(kind), kind, Need::kOptional);
}

}  // namespace

void CheckBody(Checks& c, const Path& at, events::v1::InteractionRecorded& body) {
  using Body = events::v1::InteractionRecorded;
  c.Id(at["interaction_id"], body.interaction_id());
  c.Text(at["kind"], body.kind(), 32, Need::kRequired);
  c.Text(at["queue"], body.queue(), 64);
  if (body.has_wait()) c.Length(at["wait"], body.wait());
  if (body.has_started_at()) c.Time(at["started_at"], body.started_at());
  if (body.has_ended_at()) {
    c.TimeOrder(at["ended_at"], body.has_started_at() ? body.started_at() : body.ended_at(), body.ended_at());
  }
  c.Enum(at["disposition"], Body::Disposition_IsValid(body.disposition()), body.disposition(), Need::kOptional);
  c.Text(at["topic"], body.topic(), 64);
  c.Text(at["recording_ref"], body.recording_ref(), 512);
}

void CheckBody(Checks& c, const Path& at, events::v1::MessageExchanged& body) {
  c.Text(at["message_id"], body.message_id(), 256, Need::kRequired);
  c.Text(at["in_reply_to"], body.in_reply_to(), 256);
  CheckAuthorKind(c, at["author_kind"], body.author_kind());
  c.Text(at["author"], body.author(), 256);
  c.Text(at["subject"], body.subject(), 998);
  c.Text(at["text"], body.text(), kMaxTextBytes);
  c.Text(at["language"], body.language(), 35);
  c.Attachments(at, body.attachments());
}

void CheckBody(Checks& c, const Path& at, events::v1::TranscriptRecorded& body) {
  c.Id(at["interaction_id"], body.interaction_id());
  c.AtMost(at["segments"], body.segments_size(), 2000);
  size_t bytes = 0;
  for (int i = 0; c.ok() && i < body.segments_size(); ++i) {
    const Path segment = at.At("segments", i);
    CheckAuthorKind(c, segment["author_kind"], body.segments(i).author_kind());
    if (body.segments(i).has_start()) c.Length(segment["start"], body.segments(i).start());
    c.Text(segment["text"], body.segments(i).text(), 8192);
    bytes += body.segments(i).text().size();
  }
  if (bytes > kMaxTranscriptBytes) {
    c.Refuse(at["segments"], "TOO_LONG", "has more text than 192 KiB", "Send the transcript in several events");
  }
  c.Text(at["language"], body.language(), 35);
}

void CheckBody(Checks& c, const Path& at, events::v1::NoteWritten& body) {
  c.Id(at["note_id"], body.note_id());
  c.Text(at["text"], body.text(), kMaxTextBytes, Need::kRequired);
  c.Text(at["topic"], body.topic(), 64);
}

void CheckBody(Checks& c, const Path& at, events::v1::PublicPostObserved& body) {
  c.Issuer(at["platform"], body.platform(), Need::kRequired);
  c.Text(at["post_id"], body.post_id(), 256, Need::kRequired);
  c.Text(at["author"], body.author(), 256);
  c.Text(at["url"], body.url(), 2048);
  c.Text(at["text"], body.text(), kMaxTextBytes);
  c.Text(at["language"], body.language(), 35);
  if (body.has_rating()) c.Decimal(at["rating"], body.rating(), Checks::Sign::kAny);
  if (body.has_rating_max()) c.Decimal(at["rating_max"], body.rating_max(), Checks::Sign::kPositive);
  c.Count(at["reach"], body.reach(), 0, INT64_MAX);
}

}  // namespace tributary::ingestion
