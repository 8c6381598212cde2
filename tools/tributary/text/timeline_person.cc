// Who somebody is, what they allow, and corrections in words.
#include "fmt/format.h"
#include "text/format.h"
#include "text/table.h"
#include "text/timeline.h"

namespace tributary::cli::words {
namespace {

using events::v1::CustomerEvent;

std::string FullName(const events::v1::PersonName& name) {
  if (!name.full().empty()) return name.full();
  std::string text;
  for (const std::string* part : {&name.prefix(), &name.given(), &name.middle(), &name.family()}) {
    if (part->empty()) continue;
    if (!text.empty()) text += " ";
    text += *part;
  }
  return text.empty() ? name.nickname() : text;
}

std::string Traits(const events::v1::TraitsStated& traits) {
  std::string what;
  const auto add = [&](const std::string& text) {
    if (text.empty()) return;
    what += (what.empty() ? " " : ", ") + OneLine(text, 60);
  };
  for (const auto& name : traits.names()) add(FullName(name));
  if (!traits.birth_date().empty()) add("born " + traits.birth_date());
  if (!traits.gender().empty()) add(traits.gender());
  if (!traits.language().empty()) add("language " + traits.language());
  if (traits.addresses_size() > 0) add(fmt::format("{} addresses", traits.addresses_size()));
  for (const auto& trait : traits.traits()) add(trait.key());
  for (const auto& field : traits.cleared()) add("no longer " + field);
  return what.empty() ? "stated nothing" : "stated" + what;
}

std::string IdentifierText(const events::v1::Identifier& identifier) {
  return fmt::format("{} {}", identifier.type(), OneLine(identifier.value(), 60));
}

std::string Consent(const events::v1::ConsentStated& consent) {
  std::string verb = "stated consent";
  if (consent.status() == events::v1::ConsentStated::STATUS_GIVEN) verb = "gave consent";
  if (consent.status() == events::v1::ConsentStated::STATUS_REFUSED) verb = "refused consent";
  if (consent.status() == events::v1::ConsentStated::STATUS_WITHDRAWN) verb = "withdrew consent";
  const auto channel =
      consent.channel() != events::v1::CHANNEL_UNSPECIFIED ? consent.channel() : consent.contact_point().channel();
  const std::string by = EnumText(*events::v1::Channel_descriptor(), channel);
  return fmt::format("{} to {} by {}{}", verb, consent.purpose().empty() ? "everything" : consent.purpose(),
                     by.empty() ? "every channel" : by,
                     InBrackets({consent.contact_point().address(), consent.method()}));
}

std::string Preference(const events::v1::PreferenceStated& preference) {
  std::string channels;
  for (const int channel : preference.channels()) {
    channels += (channels.empty() ? "" : ", ") + EnumText(*events::v1::Channel_descriptor(), channel);
  }
  return "wishes how to be contacted" +
         InBrackets({channels, preference.hours_size() > 0 ? "at certain hours" : "",
                     preference.max_frequencies_size() > 0 ? "not too often" : "",
                     preference.language().empty() ? "" : "language " + preference.language()});
}

std::string RefText(const events::v1::EventRef& ref) {
  return OneLine(ref.source_id().empty() ? ref.event_id() : ref.source_id() + "/" + ref.event_id(), 100);
}

}  // namespace

std::string OfPerson(const CustomerEvent& event) {
  switch (event.body_case()) {
    case CustomerEvent::kTraitsStated:
      return Traits(event.traits_stated());
    case CustomerEvent::kIdentifiersLinked:
      return fmt::format("{} and {} are one{}", IdentifierText(event.identifiers_linked().a()),
                         IdentifierText(event.identifiers_linked().b()),
                         InBrackets({event.identifiers_linked().evidence()}));
    case CustomerEvent::kIdentifierRetired:
      return fmt::format("{} is no longer theirs{}", IdentifierText(event.identifier_retired().identifier()),
                         InBrackets({event.identifier_retired().reason()}));
    case CustomerEvent::kRelationshipStated:
      return fmt::format("has a {}: {}", OneLine(event.relationship_stated().kind(), 60),
                         IdentifierText(event.relationship_stated().other()));
    case CustomerEvent::kAccountStated:
      return "account " + Quoted(event.account_stated().name()) + InBrackets({event.account_stated().industry()});
    case CustomerEvent::kMembershipStated:
      return fmt::format("belongs to {}{}", IdentifierText(event.membership_stated().account()),
                         InBrackets({event.membership_stated().role()}));
    case CustomerEvent::kConsentStated:
      return Consent(event.consent_stated());
    case CustomerEvent::kPreferenceStated:
      return Preference(event.preference_stated());
    case CustomerEvent::kDataRightsRequested:
      return fmt::format("asked for {} of their data", EnumText(*events::v1::DataRightsRequested::Kind_descriptor(),
                                                                event.data_rights_requested().kind()));
    case CustomerEvent::kSourceStated:
      return "came to know us by " + (event.source_stated().answer().empty() ? event.source_stated().choice()
                                                                             : Quoted(event.source_stated().answer()));
    case CustomerEvent::kReferralMade:
      return "was recommended to us" + InBrackets({event.referral_made().code()});
    case CustomerEvent::kTaskStated: {
      const auto& task = event.task_stated();
      return fmt::format(
          "task for staff: {}{}", OneLine(task.kind(), 60),
          InBrackets({EnumText(*events::v1::TaskStated::Status_descriptor(), task.status()), task.outcome()}));
    }
    case CustomerEvent::kEventRetracted:
      return "retracts " + RefText(event.event_retracted().event()) + InBrackets({event.event_retracted().reason()});
    case CustomerEvent::kEventCorrected:
      return "corrects " + RefText(event.event_corrected().event()) + InBrackets({event.event_corrected().reason()});
    default:
      return "";
  }
}

}  // namespace tributary::cli::words
