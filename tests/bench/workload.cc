#include "workload.h"

#include "fmt/format.h"

namespace tributary::bench {

events::v1::CustomerEvent Workload::Next() {
  const uint64_t n = count_++;
  const uint64_t customer = random_.Below(customers_);
  events::v1::CustomerEvent event;
  event.set_event_id(fmt::format("e{}-{:010}", seed_, n));
  event.set_source_id(kSource);
  event.mutable_occurred_at()->set_seconds(1'700'000'000 + static_cast<int64_t>(n / 20));
  event.mutable_occurred_at()->set_nanos(static_cast<int32_t>(n % 20) * 50'000'000);
  event.set_session_id(fmt::format("s{:08x}", random_.Next64() & 0xffffffff));
  auto* cookie = event.add_identifiers();
  cookie->set_type("cookie");
  cookie->set_issuer(kSource);
  cookie->set_value(fmt::format("ck-{:016x}", customer * 0x9e3779b97f4a7c15ULL));
  cookie->set_role(events::v1::IDENTIFIER_ROLE_SUBJECT);
  if (customer % 3 == 0) {
    auto* id = event.add_identifiers();
    id->set_type("customer_id");
    id->set_issuer(kSource);
    id->set_value(fmt::format("C{:08}", customer));
    id->set_role(events::v1::IDENTIFIER_ROLE_SUBJECT);
  }
  if (n % 4 != 0) {
    event.set_channel(events::v1::CHANNEL_WEB);
    event.mutable_page_viewed()->set_url(fmt::format("https://shop.example/p/{}", random_.Below(5'000)));
    event.mutable_page_viewed()->set_title("A page of the shop");
    return event;
  }
  event.set_channel(events::v1::CHANNEL_STORE);
  auto& order = *event.mutable_order_stated();
  order.mutable_order()->set_issuer(kSource);
  order.mutable_order()->set_order_id(fmt::format("o{}-{:010}", seed_, n));
  order.set_revision(1);
  order.set_status(events::v1::OrderStated::STATUS_COMPLETED);
  *order.mutable_placed_at() = event.occurred_at();
  order.mutable_total()->set_currency("THB");
  order.mutable_total()->set_units(static_cast<int64_t>(100 + random_.Below(5'000)));
  return event;
}

}  // namespace tributary::bench
