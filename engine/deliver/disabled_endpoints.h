// URLs that have answered 410 Gone: nothing is sent there until an operator enables them again.
//
// Threads: any. What is kept durably is a text; who owns this writes it where it lasts.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::deliver {

class DisabledEndpoints {
 public:
  // By plain URL (PlainUrlOf), since when.
  using Urls = std::map<std::string, Timestamp, std::less<>>;

  bool Has(std::string_view url) const;
  Urls urls() const;
  // Whether it was not disabled before.
  bool Disable(const std::string& url, Timestamp now);
  // What the text says from now on, with what was disabled here and is in no text yet.
  void Take(Urls kept);
  // What was disabled here and is in no text yet; once it is, Take is told.
  Urls unwritten() const;

 private:
  mutable std::mutex mutex_;
  Urls kept_;  // guarded by mutex_, as below
  Urls unwritten_;
};

// JSON; "" is none. Decode: kDataLoss.
std::string EncodeDisabled(const DisabledEndpoints::Urls& urls);
Result<DisabledEndpoints::Urls> DecodeDisabled(std::string_view text);

}  // namespace sojourn::deliver
