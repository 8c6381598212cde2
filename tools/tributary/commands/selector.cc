#include "commands/selector.h"

#include <array>

#include "text/format.h"
#include "tributary/base/status.h"

namespace tributary::cli {

void AddSelector(CLI::App& command, SelectorFlags& flags) {
  command.add_option("PROFILE_ID", flags.profile_id, "The profile, e.g. p0-1842-0; or one of:");
  command.add_option("--customer-id", flags.customer_id, "Your number of the customer; with --issuer");
  command.add_option("--email", flags.email, "Mail address");
  command.add_option("--phone", flags.phone, "Telephone number");
  command.add_option("--loyalty-card", flags.loyalty_card, "Loyalty card; with --issuer");
  command.add_option("--identifier", flags.identifier, "Any other: TYPE=VALUE or TYPE:ISSUER=VALUE");
  command.add_option("--issuer", flags.issuer, "Who gave the number out, mostly the source");
  command.add_option("--kind", flags.kind, "person (default), account or household")
      ->check(CLI::IsMember({"person", "account", "household"}));
}

absl::StatusOr<profile::v1::ProfileSelector> SelectorOf(const SelectorFlags& flags) {
  profile::v1::ProfileSelector selector;
  int named = 0;
  if (!flags.profile_id.empty()) {
    selector.set_profile_id(flags.profile_id);
    ++named;
  }
  const std::array<std::pair<const char*, const std::string*>, 4> identifiers = {{
      {"customer_id", &flags.customer_id},
      {"email", &flags.email},
      {"phone", &flags.phone},
      {"loyalty_card", &flags.loyalty_card},
  }};
  for (const auto& [type, value] : identifiers) {
    if (value->empty()) continue;
    selector.mutable_identifier()->set_type(type);
    selector.mutable_identifier()->set_value(*value);
    ++named;
  }
  if (!flags.identifier.empty()) {
    const size_t equals = flags.identifier.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidField("MALFORMED", "--identifier", "is not of the form TYPE=VALUE",
                          "Write e.g. line_user:shop-oa=U1234 or email=a@example.com");
    }
    const std::string what = flags.identifier.substr(0, equals);
    const size_t colon = what.find(':');
    selector.mutable_identifier()->set_type(what.substr(0, colon));
    if (colon != std::string::npos) selector.mutable_identifier()->set_issuer(what.substr(colon + 1));
    selector.mutable_identifier()->set_value(flags.identifier.substr(equals + 1));
    ++named;
  }
  if (named != 1) {
    return InvalidField(
        "REQUIRED", "PROFILE_ID", named == 0 ? "no customer is named" : "several customers are named",
        "Name one: a profile id, or one of --customer-id, --email, --phone, --loyalty-card, --identifier");
  }
  if (selector.has_identifier() && selector.identifier().issuer().empty()) {
    selector.mutable_identifier()->set_issuer(flags.issuer);
  }
  if (!flags.kind.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const int kind, ParseEnum(*events::v1::SubjectKind_descriptor(), flags.kind, "--kind"));
    selector.set_subject_kind(static_cast<events::v1::SubjectKind>(kind));
  }
  return selector;
}

}  // namespace tributary::cli
