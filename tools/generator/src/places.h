// Where events come from: the sources of EventSources(), each with its channel.
#pragma once

#include <string_view>

#include "tributary/events/v1/value.pb.h"

namespace tributary::generator {

// Where an event of a source takes place and how it begins.
struct Place {
  std::string_view source;
  tributary::events::v1::Channel channel;
  tributary::events::v1::Direction direction = tributary::events::v1::DIRECTION_INBOUND;
};

namespace place {

inline constexpr auto kNobody = tributary::events::v1::DIRECTION_UNSPECIFIED;
inline constexpr auto kOutbound = tributary::events::v1::DIRECTION_OUTBOUND;

inline constexpr Place kWeb{"web", tributary::events::v1::CHANNEL_WEB};
inline constexpr Place kKiosk{"web", tributary::events::v1::CHANNEL_KIOSK};  // the website on a tablet of ours
inline constexpr Place kApp{"app", tributary::events::v1::CHANNEL_APP};
inline constexpr Place kStore{"pos", tributary::events::v1::CHANNEL_STORE, kNobody};
inline constexpr Place kHotel{"hotel", tributary::events::v1::CHANNEL_PROPERTY, kNobody};
inline constexpr Place kCall{"call-centre", tributary::events::v1::CHANNEL_CALL};
inline constexpr Place kLineIn{"line", tributary::events::v1::CHANNEL_LINE};
inline constexpr Place kLineOut{"line", tributary::events::v1::CHANNEL_LINE, kOutbound};
inline constexpr Place kMailIn{"mail", tributary::events::v1::CHANNEL_EMAIL};
inline constexpr Place kMailOut{"mail", tributary::events::v1::CHANNEL_EMAIL, kOutbound};
inline constexpr Place kSurvey{"survey", tributary::events::v1::CHANNEL_EMAIL};
inline constexpr Place kSurveyOut{"survey", tributary::events::v1::CHANNEL_EMAIL, kOutbound};

}  // namespace place
}  // namespace tributary::generator
