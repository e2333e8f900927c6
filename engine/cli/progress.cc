#include "engine/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sojourn::cli {
namespace {
constexpr int kBarCharacters = 30;
constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
}  // namespace

Progress::Progress(std::string label, int64_t total)
    : label_(std::move(label)),
      total_(std::max<int64_t>(total, 1)),
      terminal_(isatty(STDERR_FILENO) != 0),
      began_(std::chrono::steady_clock::now()) {}

void Progress::Show(int64_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - shown_ < kBetweenDraws) return;
  shown_ = now;
  const double part = std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
  const auto filled = static_cast<size_t>(part * kBarCharacters);
  const double seconds = std::chrono::duration<double>(now - began_).count();
  std::fputs(fmt::format("\r{} [{}{}] {:3.0f}% {:.0f} s", label_, std::string(filled, '='),
                         std::string(kBarCharacters - filled, ' '), part * 100, seconds)
                 .c_str(),
             stderr);
  std::fflush(stderr);
}

void Progress::Interrupt() {
  if (terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::Finish() { Interrupt(); }

}  // namespace sojourn::cli
