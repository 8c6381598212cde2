#include "profile/entry.h"

#include <string_view>
#include <tuple>

#include "fmt/format.h"
#include "tributary/base/money.h"
#include "tributary/base/status.h"

namespace tributary::profile {
namespace {

using events::v1::CustomerEvent;
using events::v1::EventRef;
using events::v1::Money;
using storage::v1::EntryAmendments;
using storage::v1::EntryCorrection;
using storage::v1::EntryFigures;
using storage::v1::EntryRow;

constexpr int64_t kMicrosPerSecond = 1'000'000;
// 0001-01-01 and 9999-12-31T23:59:59Z: what a Timestamp may hold.
constexpr int64_t kMinSeconds = -62'135'596'800;
constexpr int64_t kMaxSeconds = 253'402'300'799;

// Names the field alone: an event's values may be personal.
absl::Status Malformed(std::string_view field) {
  return absl::InternalError(fmt::format("a customer event of the journey is malformed: {}", field));
}

bool IsMoney(const Money& money) {
  return money.currency().size() == 3 && Amount::Of(money.units(), money.nanos()).ok();
}

bool IsOrder(const events::v1::OrderRef& order) { return !order.issuer().empty() && !order.order_id().empty(); }

absl::Status CheckBody(const CustomerEvent& event) {
  switch (event.body_case()) {
    case CustomerEvent::BODY_NOT_SET:
      return Malformed("body");
    case CustomerEvent::kOrderStated:
      if (!IsOrder(event.order_stated().order())) return Malformed("order_stated.order");
      if (!IsMoney(event.order_stated().total())) return Malformed("order_stated.total");
      if (!IsTime(event.order_stated().placed_at())) return Malformed("order_stated.placed_at");
      return absl::OkStatus();
    case CustomerEvent::kReturnStated:
      if (!IsOrder(event.return_stated().order())) return Malformed("return_stated.order");
      if (event.return_stated().return_id().empty()) return Malformed("return_stated.return_id");
      if (!IsMoney(event.return_stated().refund())) return Malformed("return_stated.refund");
      return absl::OkStatus();
    case CustomerEvent::kConsentStated:
      if (!IsTime(event.consent_stated().valid_until())) return Malformed("consent_stated.valid_until");
      return absl::OkStatus();
    case CustomerEvent::kEventRetracted:
      if (event.event_retracted().event().event_id().empty()) return Malformed("event_retracted.event");
      return absl::OkStatus();
    case CustomerEvent::kEventCorrected: {
      const events::v1::EventCorrected& corrected = event.event_corrected();
      if (corrected.event().event_id().empty()) return Malformed("event_corrected.event");
      if (!IsTime(corrected.replacement().occurred_at())) return Malformed("event_corrected.replacement.occurred_at");
      if (IsControl(corrected.replacement().body_case())) return Malformed("event_corrected.replacement.body");
      return CheckBody(corrected.replacement());
    }
    default:
      return absl::OkStatus();
  }
}

// The body that `from` has replaces that of `to`, which is of the same type.
void CopyBody(const CustomerEvent& from, CustomerEvent* to) {
  static const google::protobuf::OneofDescriptor* const body = CustomerEvent::descriptor()->FindOneofByName("body");
  const google::protobuf::Reflection* reflection = from.GetReflection();
  const google::protobuf::FieldDescriptor* field = reflection->GetOneofFieldDescriptor(from, body);
  reflection->MutableMessage(to, field)->CopyFrom(reflection->GetMessage(from, field));
}

// The higher counts.
auto RankOf(const EntryCorrection& correction) {
  return std::tuple(correction.corrected().revision(), correction.occurred_at_micros(), correction.source_priority(),
                    std::string_view(correction.event_id()), std::string_view(correction.source_id()));
}

auto NameOf(const EventRef& ref) {
  return std::tuple(std::string_view(ref.source_id()), std::string_view(ref.event_id()));
}

}  // namespace

bool IsTime(const google::protobuf::Timestamp& time) {
  return time.seconds() >= kMinSeconds && time.seconds() <= kMaxSeconds && time.nanos() >= 0 &&
         time.nanos() < 1'000'000'000;
}

int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  return time.seconds() * kMicrosPerSecond + time.nanos() / 1'000;
}

google::protobuf::Timestamp TimestampOf(int64_t micros) {
  google::protobuf::Timestamp time;
  const int64_t below = micros % kMicrosPerSecond;
  const int64_t rest = below < 0 ? below + kMicrosPerSecond : below;
  time.set_seconds((micros - rest) / kMicrosPerSecond);
  time.set_nanos(static_cast<int32_t>(rest * 1'000));
  return time;
}

absl::Status CheckEvent(const CustomerEvent& event) {
  if (event.event_id().empty()) return Malformed("event_id");
  if (event.source_id().empty()) return Malformed("source_id");
  if (event.workspace_id().empty()) return Malformed("workspace_id");
  if (event.resolution().profile_id().empty()) return Malformed("resolution.profile_id");
  if (!event.has_occurred_at() || !IsTime(event.occurred_at())) return Malformed("occurred_at");
  return CheckBody(event);
}

bool IsControl(CustomerEvent::BodyCase body) {
  return body == CustomerEvent::kEventRetracted || body == CustomerEvent::kEventCorrected;
}

const EventRef* NamedEvent(const CustomerEvent& event) {
  if (event.has_event_retracted()) return &event.event_retracted().event();
  if (event.has_event_corrected()) return &event.event_corrected().event();
  return nullptr;
}

bool Correct(const EntryAmendments& amendments, CustomerEvent* event) {
  const CustomerEvent& replacement = amendments.correction().corrected().replacement();
  if (!amendments.has_correction() || replacement.body_case() != event->body_case() || IsControl(event->body_case())) {
    return false;
  }
  if (replacement.has_occurred_at()) *event->mutable_occurred_at() = replacement.occurred_at();
  if (!replacement.business_date().empty()) event->set_business_date(replacement.business_date());
  if (!replacement.time_zone().empty()) event->set_time_zone(replacement.time_zone());
  if (replacement.channel() != events::v1::CHANNEL_UNSPECIFIED) event->set_channel(replacement.channel());
  *event->mutable_properties() = replacement.properties();
  CopyBody(replacement, event);
  return true;
}

CustomerEvent CountingEvent(const EntryRow& row) {
  CustomerEvent event;
  event.ParseFromString(row.event());
  Correct(row.amendments(), &event);
  return event;
}

EntryFigures FiguresOf(const CustomerEvent& event) {
  using events::v1::OrderStated;
  using events::v1::ReturnStated;
  EntryFigures figures;
  figures.set_body(event.body_case());
  figures.set_channel(event.channel());
  figures.set_outbound(event.direction() == events::v1::DIRECTION_OUTBOUND);
  if (event.has_order_stated()) {
    const OrderStated& stated = event.order_stated();
    figures.set_order_issuer(stated.order().issuer());
    figures.set_order_id(stated.order().order_id());
    storage::v1::OrderStatement& order = *figures.mutable_order();
    order.set_revision(stated.revision());
    order.set_status(stated.status() == OrderStated::STATUS_UNSPECIFIED ? OrderStated::STATUS_PLACED : stated.status());
    order.set_placed_at_micros(MicrosOf(stated.has_placed_at() ? stated.placed_at() : event.occurred_at()));
    order.set_line_count(stated.lines_size());
    *order.mutable_total() = stated.total();
  } else if (event.has_return_stated()) {
    const ReturnStated& stated = event.return_stated();
    figures.set_order_issuer(stated.order().issuer());
    figures.set_order_id(stated.order().order_id());
    storage::v1::ReturnStatement& returned = *figures.mutable_returned();
    returned.set_return_id(stated.return_id());
    returned.set_revision(stated.revision());
    returned.set_status(stated.status() == ReturnStated::STATUS_UNSPECIFIED ? ReturnStated::STATUS_COMPLETED
                                                                            : stated.status());
    *returned.mutable_refund() = stated.refund();
  }
  return figures;
}

bool IsRetracted(const EntryRow& row) {
  return row.amendments().has_retracted_by() && !IsControl(static_cast<CustomerEvent::BodyCase>(row.figures().body()));
}

bool Counts(const EntryRow& row) {
  return !row.amendments().has_retracted_by() && !IsControl(static_cast<CustomerEvent::BodyCase>(row.figures().body()));
}

EntryAmendments AmendmentsBy(const CustomerEvent& control) {
  EntryAmendments amendments;
  if (control.has_event_retracted()) {
    amendments.mutable_retracted_by()->set_source_id(control.source_id());
    amendments.mutable_retracted_by()->set_event_id(control.event_id());
  } else if (control.has_event_corrected()) {
    EntryCorrection& correction = *amendments.mutable_correction();
    *correction.mutable_corrected() = control.event_corrected();
    correction.set_occurred_at_micros(MicrosOf(control.occurred_at()));
    correction.set_source_priority(control.source_priority());
    correction.set_source_id(control.source_id());
    correction.set_event_id(control.event_id());
  }
  return amendments;
}

void MergeAmendments(const EntryAmendments& more, EntryAmendments* amendments) {
  if (more.has_retracted_by() &&
      (!amendments->has_retracted_by() || NameOf(more.retracted_by()) < NameOf(amendments->retracted_by()))) {
    *amendments->mutable_retracted_by() = more.retracted_by();
  }
  if (more.has_correction() &&
      (!amendments->has_correction() || RankOf(more.correction()) > RankOf(amendments->correction()))) {
    *amendments->mutable_correction() = more.correction();
  }
}

}  // namespace tributary::profile
