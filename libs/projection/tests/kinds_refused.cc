// What the types of table.h must refuse. compile_test.cmake compiles this file and expects exactly the
// errors that are announced here, one for each function: `Allowed` gives none.
#include "google/protobuf/wrappers.pb.h"
#include "tributary/projection/table.h"
#include "tributary/projection/testing/write_right.h"

namespace tributary::projection {

inline constexpr Table<Kind::kFacts, std::tuple<std::string>, google::protobuf::StringValue> kFact{32, "fact"};
inline constexpr Table<Kind::kDecisions, std::tuple<std::string>, google::protobuf::StringValue> kDecision{33, "d"};

void Allowed(RawReader& reader, RawWriter& raw) {
  Writer<Kind::kFacts> writer(testing::WriteRightForTests::Make(), raw);
  writer.Put(kFact, {"a"}, {});
  writer.Delete(kFact, {"a"});
  KindView<Kind::kFacts>(reader).Get(kFact, {"a"});
  View(reader).Get(kFact, {"a"});
  View(reader).Get(kDecision, {"a"});
}

// expect: this writer is of another kind
void Puts(Writer<Kind::kFacts>& writer) { writer.Put(kDecision, {"a"}, {}); }

// expect: this writer is of another kind
void Deletes(Writer<Kind::kFacts>& writer) { writer.Delete(kDecision, {"a"}); }

// expect: an Apply reads tables of its own kind alone
void Gets(const KindView<Kind::kFacts>& view) { view.Get(kDecision, {"a"}); }

// expect: an Apply reads tables of its own kind alone
bool Contains(const KindView<Kind::kDecisions>& view) { return view.Contains(kFact, {"a"}); }

// expect: an Apply reads tables of its own kind alone
void Scans(const KindView<Kind::kDecisions>& view) {
  view.Scan(kFact, std::tuple<>(), [](const auto&, const auto&) { return true; });
}

// expect: private
Writer<Kind::kFacts> MakesAWriter(RawWriter& raw) { return {WriteRight(), raw}; }

}  // namespace tributary::projection
