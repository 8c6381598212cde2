// What an identifier costs on its way in.
#include <string>

#include "benchmark/benchmark.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"
#include "tributary/identifier/text.h"

namespace tributary::identifier {
namespace {

void BM_Normalise(benchmark::State& state, const Identifier& raw) {
  for (auto _ : state) benchmark::DoNotOptimize(Normalise(raw));
}
BENCHMARK_CAPTURE(BM_Normalise, plain_phone, Identifier{"phone", "", "+66812345678"});
BENCHMARK_CAPTURE(BM_Normalise, written_phone, Identifier{"phone", "", "+66 (0)81 234 5678"});
BENCHMARK_CAPTURE(BM_Normalise, foreign_phone, Identifier{"phone", "", "+4930901820"});
BENCHMARK_CAPTURE(BM_Normalise, email, Identifier{"email", "", "Somchai.J@Example.com"});
BENCHMARK_CAPTURE(BM_Normalise, customer_id, Identifier{"customer_id", "shop", "C-0012345"});
BENCHMARK_CAPTURE(BM_Normalise, thai_card, Identifier{"loyalty_card", "ร้าน", "น้ำใจ-๑๒๓"});

void BM_Key(benchmark::State& state, bool keyed) {
  const auto maker = keyed ? KeyMaker::Create("0123456789abcdef0123456789abcdef") : KeyMaker::Create();
  const Identifier normal{"phone", "", "+66812345678"};
  for (auto _ : state) benchmark::DoNotOptimize(maker->Make("workspace-1", normal));
}
BENCHMARK_CAPTURE(BM_Key, sha256, false);
BENCHMARK_CAPTURE(BM_Key, hmac, true);

void BM_CompareForm(benchmark::State& state, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(CompareForm(text));
}
BENCHMARK_CAPTURE(BM_CompareForm, ascii, std::string("Somchai Jaidee"));
BENCHMARK_CAPTURE(BM_CompareForm, thai, std::string("สมชาย น้ำใจดี"));

}  // namespace
}  // namespace tributary::identifier
