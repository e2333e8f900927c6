#include "engine/store/drop_ranges.h"

namespace sojourn::store {
namespace {

using Ranges = std::map<std::string, std::string, std::less<>>;

// Works on the ranges as they were when its compaction began.
class DropFilter final : public rocksdb::CompactionFilter {
 public:
  explicit DropFilter(Ranges end_of) : end_of_(std::move(end_of)) {}

  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*,
              bool*) const override {
    const std::string_view wanted(key.data(), key.size());
    const auto behind = end_of_.upper_bound(wanted);
    return behind != end_of_.begin() && wanted < std::prev(behind)->second;
  }
  const char* Name() const override { return "sojourn.DropFilter"; }

 private:
  const Ranges end_of_;
};

}  // namespace

void DropRanges::Set(std::string_view begin, std::string_view end) {
  const std::lock_guard lock(mutex_);
  end_of_.insert_or_assign(std::string(begin), std::string(end));
}

std::unique_ptr<rocksdb::CompactionFilter> DropRanges::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context&) {
  const std::lock_guard lock(mutex_);
  return std::make_unique<DropFilter>(end_of_);
}

}  // namespace sojourn::store
