// A progress bar on a terminal; silence elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sojourn::cli {

class Progress {
 public:
  Progress(std::string label, int64_t total);

  // Redraws at most ten times a second.
  void Show(int64_t done);
  // Clears the line, so that something else can be printed.
  void Interrupt();
  void Finish();

 private:
  const std::string label_;
  const int64_t total_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace sojourn::cli
