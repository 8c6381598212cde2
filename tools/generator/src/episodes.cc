#include "episodes.h"

#include <string_view>
#include <utility>

#include "catalogue.h"
#include "fmt/format.h"

namespace tributary::generator {
namespace {

std::string In(const Person& person, const Talk& talk) { return std::string(talk.In(person.language)); }

absl::Duration MinutesBetween(EventBuilder& builder, int from, int to) {
  return absl::Minutes(from + static_cast<int64_t>(builder.random().Below(static_cast<uint64_t>(to - from) + 1)));
}

void ViewPages(EventBuilder& builder, bool known) {
  const std::string session = builder.NewId("session-");
  const int pages = 1 + static_cast<int>(builder.random().Below(3));
  for (int i = 0; i < pages; ++i) {
    const Page& page = Pick(Pages(), builder.random());
    ev::CustomerEvent* event = builder.Add(place::kWeb);
    builder.ByCookie(event);
    if (known) builder.ByEmail(event);
    event->set_session_id(session);
    if (i == 0 && builder.random().Chance(40)) {
      event->mutable_attribution()->set_utm_source("facebook");
      event->mutable_attribution()->set_utm_campaign("songkran-2025");
    }
    event->mutable_context()->set_device_type(builder.random().Chance(75) ? "phone" : "desktop");
    event->mutable_page_viewed()->set_url(fmt::format("https://baansuan.example{}", page.path));
    event->mutable_page_viewed()->set_title(std::string(page.title));
    builder.Pass(MinutesBetween(builder, 1, 6));
  }
}

void AddConsent(EventBuilder& builder, ev::ConsentStated::Status status, const Place& place, std::string_view method) {
  ev::CustomerEvent* event = builder.Add(place);
  builder.ByEmail(event);
  ev::ConsentStated* consent = event->mutable_consent_stated();
  consent->mutable_contact_point()->set_channel(ev::CHANNEL_EMAIL);
  consent->mutable_contact_point()->set_address(builder.person().email);
  consent->set_purpose("marketing");
  consent->set_channel(ev::CHANNEL_EMAIL);
  consent->set_status(status);
  consent->set_text_version("2025-01");
  consent->set_method(std::string(method));
}

struct Bill {
  std::string order_id;
  int64_t total = 0;
  Dish first;
};

// A meal paid at the till with the loyalty card shown, and the points for it.
Bill BuyAtStore(EventBuilder& builder) {
  SeededRandom& random = builder.random();
  Bill bill{.order_id = builder.NewId("T"), .first = Pick(Menu(), random)};
  ev::CustomerEvent* event = builder.Add(place::kStore);
  builder.ByCard(event);
  event->set_location_id(builder.person().location);
  ev::OrderStated* order = event->mutable_order_stated();
  order->mutable_order()->set_issuer(std::string(kTill));
  order->mutable_order()->set_order_id(bill.order_id);
  order->set_revision(1);
  order->set_status(ev::OrderStated::STATUS_COMPLETED);
  const int lines = 1 + static_cast<int>(random.Below(4));
  for (int i = 0; i < lines; ++i) {
    const Dish& dish = i == 0 ? bill.first : Pick(Menu(), random);
    const auto quantity = static_cast<int64_t>(1 + random.Below(3));
    ev::OrderLine* line = order->add_lines();
    line->set_line_id(fmt::format("{}", i + 1));
    line->mutable_product()->set_product_id(std::string(dish.id));
    line->mutable_product()->set_name(std::string(dish.name));
    line->mutable_product()->set_category(std::string(dish.category));
    line->mutable_quantity()->set_units(quantity);
    SetBaht(dish.satang, line->mutable_unit_price());
    bill.total += quantity * dish.satang;
  }
  SetBaht(bill.total, order->mutable_total());
  builder.Pass(absl::Minutes(1));

  ev::CustomerEvent* points = builder.Add(place::kStore);
  builder.ByCard(points);
  points->set_location_id(builder.person().location);
  ev::PointsPosted* posting = points->mutable_points_posted();
  posting->set_programme(std::string(kProgramme));
  posting->set_entry_id(builder.NewId("P"));
  posting->set_kind(ev::PointsPosted::KIND_EARNED);
  posting->set_points(bill.total / 2'500 + 1);  // one for every 25 baht, and one for coming
  posting->mutable_order()->set_issuer(std::string(kTill));
  posting->mutable_order()->set_order_id(bill.order_id);
  return bill;
}

void BuyAndReturn(EventBuilder& builder) {
  const Bill bill = BuyAtStore(builder);
  builder.Pass(MinutesBetween(builder, 20, 60 * 24));
  ev::CustomerEvent* event = builder.Add(place::kStore);
  builder.ByCard(event);
  event->set_location_id(builder.person().location);
  ev::ReturnStated* returned = event->mutable_return_stated();
  returned->mutable_order()->set_issuer(std::string(kTill));
  returned->mutable_order()->set_order_id(bill.order_id);
  returned->set_return_id(builder.NewId("R"));
  returned->set_revision(1);
  returned->set_status(ev::ReturnStated::STATUS_COMPLETED);
  ev::ReturnLine* line = returned->add_lines();
  line->set_line_id("1");
  line->mutable_quantity()->set_units(1);
  SetBaht(bill.first.satang, line->mutable_refund());
  SetBaht(bill.first.satang, returned->mutable_refund());
  returned->set_reason("อาหารไม่ตรงกับที่สั่ง");
}

void Call(EventBuilder& builder) {
  SeededRandom& random = builder.random();
  const Talk& talk = Pick(Questions(), random);
  const int64_t wait = 5 + static_cast<int64_t>(random.Below(240));
  const bool answered = wait < 200;
  ev::CustomerEvent* event = builder.Add(place::kCall);
  builder.ByPhone(event);
  ev::InteractionRecorded* call = event->mutable_interaction_recorded();
  call->set_interaction_id(builder.NewId("C"));
  call->set_kind("call");
  call->set_queue(builder.person().language == "en" ? "english" : "thai");
  call->mutable_wait()->set_seconds(wait);
  call->mutable_started_at()->set_seconds(absl::ToUnixSeconds(builder.now()));
  builder.Pass(absl::Seconds(wait) + MinutesBetween(builder, 1, 9));
  call->mutable_ended_at()->set_seconds(absl::ToUnixSeconds(builder.now()));
  call->set_disposition(answered ? ev::InteractionRecorded::DISPOSITION_ANSWERED
                                 : ev::InteractionRecorded::DISPOSITION_ABANDONED);
  call->set_topic(std::string(talk.topic));
  if (!answered) return;
  ev::CustomerEvent* note = builder.Add(place::kCall);
  builder.ByPhone(note);
  note->set_staff_id(fmt::format("agent-{:02}", 1 + random.Below(12)));
  note->mutable_note_written()->set_note_id(builder.NewId("N"));
  note->mutable_note_written()->set_topic(std::string(talk.topic));
  note->mutable_note_written()->set_text(fmt::format("ลูกค้าถาม: {}", talk.thai));
}

void Write(EventBuilder& builder, const Place& place, ev::AuthorKind author, std::string_view text,
           const std::string& thread) {
  ev::CustomerEvent* event = builder.Add(place);
  if (place.channel == ev::CHANNEL_LINE) {
    builder.ByLine(event);
  } else {
    builder.ByEmail(event);
  }
  event->set_conversation_id(thread);
  ev::MessageExchanged* message = event->mutable_message_exchanged();
  message->set_message_id(builder.NewId("M"));
  message->set_author_kind(author);
  message->set_text(std::string(text));
  message->set_language(builder.person().language);
}

void ChatOnLine(EventBuilder& builder) {
  const std::string thread = builder.NewId("chat-");
  const Talk& talk = Pick(Questions(), builder.random());
  Write(builder, place::kLineIn, ev::AUTHOR_KIND_CUSTOMER, In(builder.person(), talk), thread);
  builder.Pass(MinutesBetween(builder, 1, 25));
  const bool english = builder.person().language == "en";
  Write(builder, place::kLineOut, ev::AUTHOR_KIND_STAFF,
        english ? "Thank you for your message. Let me check for you." : "ขอบคุณที่ติดต่อมาค่ะ แอดมินตรวจสอบให้สักครู่นะคะ",
        thread);
  if (!builder.random().Chance(50)) return;
  builder.Pass(MinutesBetween(builder, 1, 10));
  Write(builder, place::kLineIn, ev::AUTHOR_KIND_CUSTOMER, english ? "Thank you!" : "ขอบคุณมากค่ะ 🙏", thread);
}

void ExchangeMail(EventBuilder& builder) {
  const std::string thread = builder.NewId("thread-");
  Write(builder, place::kMailIn, ev::AUTHOR_KIND_CUSTOMER, In(builder.person(), Pick(Questions(), builder.random())),
        thread);
  builder.Pass(MinutesBetween(builder, 30, 600));
  Write(builder, place::kMailOut, ev::AUTHOR_KIND_STAFF,
        builder.person().language == "en" ? "Dear guest, thank you for writing to us."
                                          : "เรียนลูกค้าที่เคารพ ขอบคุณสำหรับอีเมลของท่าน",
        thread);
}

void AnswerSurvey(EventBuilder& builder) {
  const std::string invitation = builder.NewId("I");
  ev::CustomerEvent* invited = builder.Add(place::kSurveyOut);
  builder.ByEmail(invited);
  invited->mutable_survey_invited()->set_survey_id("after-visit");
  invited->mutable_survey_invited()->set_invitation_id(invitation);
  builder.Pass(MinutesBetween(builder, 10, 2'000));
  ev::CustomerEvent* event = builder.Add(place::kSurvey);
  builder.ByEmail(event);
  ev::SurveyAnswered* survey = event->mutable_survey_answered();
  survey->set_survey_id("after-visit");
  survey->set_version("3");
  survey->set_invitation_id(invitation);
  survey->set_response_id(builder.NewId("A"));
  survey->set_complete(true);
  const auto score = static_cast<int64_t>(builder.random().Below(11));
  ev::SurveyAnswer* nps = survey->add_answers();
  nps->set_question_id("recommend");
  nps->set_kind(ev::SurveyAnswer::KIND_NPS);
  nps->mutable_score()->set_units(score);
  nps->mutable_min();
  nps->mutable_max()->set_units(10);
  ev::SurveyAnswer* words = survey->add_answers();
  words->set_question_id("why");
  words->set_kind(ev::SurveyAnswer::KIND_TEXT);
  words->set_text(score >= 9 ? "อาหารอร่อย บรรยากาศดี พนักงานน่ารัก"
                  : score >= 7 ? "โดยรวมดี แต่ที่จอดรถน้อย"
                               : In(builder.person(), Pick(TableComplaints(), builder.random())));
}

void Complain(EventBuilder& builder) {
  const Talk& talk = Pick(TableComplaints(), builder.random());
  const bool by_line = builder.random().Chance(60);
  ev::CustomerEvent* event = builder.Add(by_line ? place::kLineIn : place::kMailIn);
  if (by_line) {
    builder.ByLine(event);
  } else {
    builder.ByEmail(event);
  }
  event->set_location_id(builder.person().location);
  ev::FeedbackGiven* feedback = event->mutable_feedback_given();
  feedback->set_feedback_id(builder.NewId("F"));
  feedback->set_kind(ev::FeedbackGiven::KIND_COMPLAINT);
  feedback->set_topic(std::string(talk.topic));
  feedback->set_text(In(builder.person(), talk));
  feedback->set_language(builder.person().language);
  feedback->mutable_rating()->set_units(1 + static_cast<int64_t>(builder.random().Below(2)));
  feedback->mutable_rating_max()->set_units(5);
}

void Stay(EventBuilder& builder) {
  const std::string reservation = builder.NewId("H");
  const absl::TimeZone bangkok = absl::FixedTimeZone(7 * 60 * 60);
  const absl::Time booked = builder.now();
  const int nights = 1 + static_cast<int>(builder.random().Below(3));
  const absl::CivilDay arrival = absl::ToCivilDay(booked, bangkok) + 2;
  for (const auto status : {ev::StayStated::STATUS_BOOKED, ev::StayStated::STATUS_CHECKED_OUT}) {
    const bool is_booking = status == ev::StayStated::STATUS_BOOKED;
    ev::CustomerEvent* event = builder.Add(place::kHotel);
    builder.ByPhone(event, ev::VERIFICATION_STAFF);
    event->set_location_id("huahin-resort");
    ev::StayStated* stay = event->mutable_stay_stated();
    stay->set_issuer("front-desk");
    stay->set_reservation_id(reservation);
    stay->set_revision(is_booking ? 1 : 2);
    stay->set_status(status);
    stay->set_arrival_date(absl::FormatCivilTime(arrival));
    stay->set_departure_date(absl::FormatCivilTime(arrival + nights));
    stay->set_room_type("river-view");
    stay->set_adults(2);
    SetBaht(nights * 289'000, stay->mutable_total());
    stay->mutable_booked_at()->set_seconds(absl::ToUnixSeconds(booked));
    builder.Pass(absl::FromCivil(absl::CivilHour(arrival + nights) + 11, bangkok) - builder.now());
  }
}

void ReadNewsletter(EventBuilder& builder) {
  const std::string send = builder.NewId("send-");
  for (const auto status : {ev::DeliveryReported::STATUS_DELIVERED, ev::DeliveryReported::STATUS_OPENED}) {
    ev::CustomerEvent* event = builder.Add(place::kMailOut);
    builder.ByEmail(event);
    ev::DeliveryReported* report = event->mutable_delivery_reported();
    report->mutable_contact_point()->set_channel(ev::CHANNEL_EMAIL);
    report->mutable_contact_point()->set_address(builder.person().email);
    report->set_send_id(send);
    report->set_status(status);
    if (builder.random().Chance(40)) return;  // never opened
    builder.Pass(MinutesBetween(builder, 2, 900));
  }
}

void OpenApp(EventBuilder& builder) {
  for (const std::string_view screen : {"home", "rewards"}) {
    ev::CustomerEvent* event = builder.Add(place::kApp);
    builder.ByDevice(event);
    builder.ByEmail(event);
    event->mutable_context()->set_app_name("Baan Suan Club");
    event->mutable_context()->set_app_version("4.2.0");
    event->mutable_screen_viewed()->set_name(std::string(screen));
    builder.Pass(absl::Minutes(1));
  }
}

void StateTraits(EventBuilder& builder, ev::CustomerEvent* event) {
  ev::TraitsStated* traits = event->mutable_traits_stated();
  ev::PersonName* name = traits->add_names();
  name->set_language("th");
  name->set_prefix(builder.person().prefix);
  name->set_given(builder.person().given);
  name->set_family(builder.person().family);
  traits->set_language(builder.person().language);
}

}  // namespace

void Introduce(EventBuilder& builder) {
  ev::CustomerEvent* known = builder.Add(place::kStore);
  builder.ByCustomerId(known);
  builder.ByCard(known);
  builder.ByEmail(known);
  builder.ByPhone(known, ev::VERIFICATION_STAFF);
  known->set_location_id(builder.person().location);
  StateTraits(builder, known);
  builder.Pass(MinutesBetween(builder, 5, 120));

  ev::CustomerEvent* login = builder.Add(place::kWeb);
  builder.ByCookie(login);
  builder.ByEmail(login, ev::VERIFICATION_ONE_TIME_CODE);
  login->mutable_tracked()->set_name("Logged In");
  builder.Pass(MinutesBetween(builder, 5, 120));

  ev::CustomerEvent* linked = builder.Add(place::kLineIn);
  builder.ByLine(linked);
  builder.ByPhone(linked, ev::VERIFICATION_ONE_TIME_CODE);
  builder.ByCard(linked);
  linked->mutable_tracked()->set_name("LINE Account Linked");
  builder.Pass(MinutesBetween(builder, 5, 120));
  AddConsent(builder, ev::ConsentStated::STATUS_GIVEN, place::kWeb, "web_form");
}

void VisitAnonymously(EventBuilder& builder) { ViewPages(builder, false); }

void SignUp(EventBuilder& builder) {
  ev::CustomerEvent* event = builder.Add(place::kWeb);
  builder.ByCookie(event);
  builder.ByEmail(event, ev::VERIFICATION_ONE_TIME_CODE);
  builder.ByPhone(event, ev::VERIFICATION_STATED);
  builder.ByCustomerId(event);
  StateTraits(builder, event);
  builder.Pass(absl::Minutes(2));
  AddConsent(builder, ev::ConsentStated::STATUS_GIVEN, place::kWeb, "web_form");
  builder.Pass(MinutesBetween(builder, 5, 120));
  ev::CustomerEvent* card = builder.Add(place::kStore);
  builder.ByCard(card);
  builder.ByEmail(card);
  builder.ByLine(card);
  card->set_location_id(builder.person().location);
  card->mutable_tracked()->set_name("Club Joined");
}

void Play(Episode episode, EventBuilder& builder) {
  switch (episode) {
    case Episode::kWebVisit:
      return ViewPages(builder, builder.random().Chance(50));
    case Episode::kAppVisit:
      return OpenApp(builder);
    case Episode::kStorePurchase:
      BuyAtStore(builder);
      return;
    case Episode::kPurchaseReturned:
      return BuyAndReturn(builder);
    case Episode::kCall:
      return Call(builder);
    case Episode::kLineChat:
      return ChatOnLine(builder);
    case Episode::kMailExchange:
      return ExchangeMail(builder);
    case Episode::kSurvey:
      return AnswerSurvey(builder);
    case Episode::kComplaint:
      return Complain(builder);
    case Episode::kStay:
      return Stay(builder);
    case Episode::kNewsletter:
      return ReadNewsletter(builder);
    case Episode::kConsentWithdrawn:
      return AddConsent(builder, ev::ConsentStated::STATUS_WITHDRAWN, place::kMailIn, "unsubscribe_link");
  }
}

}  // namespace tributary::generator
