// Bodies of persons and accounts.
#include "ingestion/bodies.h"

namespace tributary::ingestion {
namespace {

// Gregorian YYYY-MM-DD, or --MM-DD without a year.
void CheckBirthDate(Checks& c, const Path& at, const std::string& value) {
  if (value.size() == 7 && value.rfind("--", 0) == 0) {
    c.Date(at, "2000-" + value.substr(2));  // a leap year
  } else {
    c.Date(at, value);
  }
}

void CheckNames(Checks& c, const Path& at, const events::v1::TraitsStated& body) {
  c.AtMost(at["names"], body.names_size(), 8);
  for (int i = 0; c.ok() && i < body.names_size(); ++i) {
    const Path name = at.At("names", i);
    const events::v1::PersonName& value = body.names(i);
    c.Text(name["language"], value.language(), 35);
    c.Text(name["full"], value.full(), 256);
    c.Text(name["prefix"], value.prefix(), 64);
    c.Text(name["given"], value.given(), 128);
    c.Text(name["middle"], value.middle(), 128);
    c.Text(name["family"], value.family(), 128);
    c.Text(name["nickname"], value.nickname(), 64);
    for (int j = 0; c.ok() && j < i; ++j) {
      if (body.names(j).language() == value.language()) {
        c.Refuse(name["language"], "DUPLICATE", "another name is in the same language", "Send one for each language");
      }
    }
  }
}

}  // namespace

void CheckBody(Checks& c, const Path& at, events::v1::TraitsStated& body) {
  CheckNames(c, at, body);
  CheckBirthDate(c, at["birth_date"], body.birth_date());
  c.Text(at["gender"], body.gender(), 32);
  c.Text(at["language"], body.language(), 35);
  c.Addresses(at, body.addresses());
  c.TimeZone(at["time_zone"], body.time_zone());
  c.Properties(at, "traits", *body.mutable_traits(), 100);
  c.Texts(at, "cleared", body.cleared(), 100, 135);
}

void CheckBody(Checks& c, const Path& at, events::v1::IdentifiersLinked& body) {
  c.Present(at["a"], body.has_a());
  c.Present(at["b"], body.has_b());
  if (!c.ok()) return;
  c.Identifier(at["a"], *body.mutable_a());
  c.Identifier(at["b"], *body.mutable_b());
  c.Text(at["evidence"], body.evidence(), 64);
}

void CheckBody(Checks& c, const Path& at, events::v1::IdentifierRetired& body) {
  c.Present(at["identifier"], body.has_identifier());
  if (!c.ok()) return;
  c.Identifier(at["identifier"], *body.mutable_identifier());
  c.Text(at["reason"], body.reason(), 256);
}

void CheckBody(Checks& c, const Path& at, events::v1::RelationshipStated& body) {
  c.Present(at["other"], body.has_other());
  if (!c.ok()) return;
  c.Identifier(at["other"], *body.mutable_other());
  c.Text(at["kind"], body.kind(), 64, Need::kRequired);
  c.Date(at["from_date"], body.from_date());
  c.Date(at["until_date"], body.until_date());
  c.DateOrder(at["until_date"], body.from_date(), body.until_date(), false);
}

void CheckBody(Checks& c, const Path& at, events::v1::AccountStated& body) {
  c.Text(at["name"], body.name(), 256);
  c.Text(at["tax_id"], body.tax_id(), 32);
  c.Text(at["branch"], body.branch(), 16);
  if (body.has_parent()) c.Identifier(at["parent"], *body.mutable_parent());
  c.Text(at["industry"], body.industry(), 128);
  c.Addresses(at, body.addresses());
  c.Properties(at, "traits", *body.mutable_traits(), 100);
}

void CheckBody(Checks& c, const Path& at, events::v1::MembershipStated& body) {
  c.Present(at["account"], body.has_account());
  if (!c.ok()) return;
  c.Identifier(at["account"], *body.mutable_account());
  c.Text(at["role"], body.role(), 64);
  c.Date(at["from_date"], body.from_date());
  c.Date(at["until_date"], body.until_date());
  c.DateOrder(at["until_date"], body.from_date(), body.until_date(), false);
}

}  // namespace tributary::ingestion
