// Ranges of keys that nobody will read again, and the compaction filter that forgets them. Inside
// the store only.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <rocksdb/compaction_filter.h>

namespace sojourn::store {

class DropRanges final : public rocksdb::CompactionFilterFactory {
 public:
  // Replaces the range that begins at `begin`.
  void Set(std::string_view begin, std::string_view end);

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  const char* Name() const override { return "sojourn.DropRanges"; }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> end_of_;  // by begin
};

}  // namespace sojourn::store
