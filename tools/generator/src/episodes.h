// What a person does with us, in small scenes of one to some events.
#pragma once

#include "event_builder.h"

namespace tributary::generator {

// The kinds of scene that may happen to anybody at any time.
enum class Episode {
  kWebVisit,
  kAppVisit,
  kStorePurchase,
  kPurchaseReturned,
  kCall,
  kLineChat,
  kMailExchange,
  kSurvey,
  kComplaint,
  kStay,
  kNewsletter,
  kConsentWithdrawn,
};
inline constexpr int kEpisodeKinds = 12;

// Staff enter the customer with all that they know, and the customer links web, app and LINE.
void Introduce(EventBuilder& builder);
// Visits before anybody knows whose they are.
void VisitAnonymously(EventBuilder& builder);
// The visitor gives name, mail and telephone, and consents to news.
void SignUp(EventBuilder& builder);
void Play(Episode episode, EventBuilder& builder);

}  // namespace tributary::generator
