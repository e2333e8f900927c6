// What one rendering may spend, where it keeps what it makes, and its first failure. Internal to
// this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/liquid/datum.h"
#include "engine/liquid/liquid.h"

namespace sojourn::liquid {

// Threads: one owner.
class Work {
 public:
  explicit Work(const RenderOptions& options) : options_(options) {}

  const RenderOptions& options() const { return options_; }
  Arena* arena() { return &arena_; }

  bool failed() const { return code_ != StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // Only the first failure counts.
  void Fail(std::string message) { FailWith(StatusCode::kInvalidArgument, std::move(message)); }
  void Exhaust(std::string message) {
    FailWith(StatusCode::kResourceExhausted, std::move(message));
  }

  // One node, one loop round or one list item. False, and failed, where the limit is reached.
  bool Step(uint64_t count = 1);
  // Bytes read or made by a filter or a comparison.
  bool Charge(size_t bytes);
  // Whether a text of so many bytes may be made; charges it.
  bool MayMake(size_t bytes);

  // Texts and lists that live until the rendering ends.
  Datum Keep(std::string_view text, Origin origin);
  Datum KeepList(const std::vector<model::Value>& items);
  // The text of anything, without a copy where it is one.
  std::string_view TextOf(const Datum& datum);

 private:
  void FailWith(StatusCode code, std::string message);

  const RenderOptions& options_;
  Arena arena_;
  uint64_t steps_ = 0;
  size_t work_bytes_ = 0;
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

}  // namespace sojourn::liquid
