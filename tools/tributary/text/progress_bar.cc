#include "text/progress_bar.h"

#include <algorithm>

#include "fmt/format.h"
#include "text/format.h"

namespace tributary::cli {

ProgressBar::ProgressBar(std::ostream& err, const Clock& clock, bool enabled, std::string unit)
    : err_(err), clock_(clock), enabled_(enabled), unit_(std::move(unit)), started_(clock.Monotonic()) {}

void ProgressBar::Update(int64_t count, int64_t done, int64_t total) {
  if (!enabled_) return;
  if (first_done_ < 0) {
    first_done_ = done;
    first_count_ = count;
  }
  const absl::Duration now = clock_.Monotonic();
  if (now - drawn_ < absl::Milliseconds(100)) return;
  drawn_ = now;
  on_screen_ = true;
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(now - started_));
  std::string line;
  if (total > 0) {
    constexpr int kWidth = 30;
    const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
    const int filled = static_cast<int>(share * kWidth);
    line += fmt::format("[{}{}] {:3.0f}%  ", std::string(filled, '#'), std::string(kWidth - filled, '.'), share * 100);
  }
  line += fmt::format("{} {}  {}/s", Grouped(count), unit_,
                      Grouped(static_cast<int64_t>(static_cast<double>(count - first_count_) / seconds)));
  const double speed = static_cast<double>(done - first_done_) / seconds;
  if (total > done && speed > 0) {
    line += fmt::format("  {} left", DurationText(absl::Seconds(static_cast<double>(total - done) / speed)));
  }
  err_ << "\r\033[K" << line << std::flush;
}

void ProgressBar::Clear() {
  if (!on_screen_) return;
  err_ << "\r\033[K" << std::flush;
  on_screen_ = false;
  drawn_ = -absl::InfiniteDuration();
}

}  // namespace tributary::cli
