#include "connectors/file/event_sorter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <tuple>

namespace sojourn::file {
namespace {

bool Before(const SortableEvent& a, const SortableEvent& b) {
  return std::tie(a.time, a.line, a.part) < std::tie(b.time, b.line, b.part);
}

Status FileTrouble(const std::string& path) {
  const std::string message = fmt::format("cannot sort in {}: {}", path, std::strerror(errno));
  return errno == ENOSPC ? ResourceExhausted(message) : Unavailable(message);
}

struct FixedPart {
  int64_t time = 0;
  int64_t line = 0;
  int64_t part = 0;
  uint64_t person_bytes = 0;
  uint64_t event_bytes = 0;
};

}  // namespace

// One sorted run in a file that is already unlinked: it vanishes with the process.
class EventSorter::Run {
 public:
  Run(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  ~Run() { std::fclose(file_); }

  Status Write(const std::vector<SortableEvent>& events) {
    for (const SortableEvent& event : events) {
      const FixedPart fixed{event.time.milliseconds(), event.line, event.part, event.person.size(),
                            event.bytes.size()};
      if (!Put(&fixed, sizeof(fixed)) || !Put(event.person.data(), event.person.size()) ||
          !Put(event.bytes.data(), event.bytes.size())) {
        return FileTrouble(path_);
      }
    }
    if (std::fflush(file_) != 0) return FileTrouble(path_);
    std::rewind(file_);
    return Advance();
  }

  bool at_end() const { return at_end_; }
  SortableEvent& head() { return head_; }

  Status Advance() {
    FixedPart fixed;
    const size_t got = std::fread(&fixed, 1, sizeof(fixed), file_);
    at_end_ = got == 0 && std::feof(file_) != 0;
    if (at_end_) return Status::Ok();
    if (got != sizeof(fixed)) return FileTrouble(path_);
    head_.time = Timestamp(fixed.time);
    head_.line = fixed.line;
    head_.part = fixed.part;
    head_.person.resize(fixed.person_bytes);
    head_.bytes.resize(fixed.event_bytes);
    const bool whole = Take(head_.person.data(), fixed.person_bytes) &&
                       Take(head_.bytes.data(), fixed.event_bytes);
    return whole ? Status::Ok() : FileTrouble(path_);
  }

 private:
  bool Put(const void* bytes, size_t count) { return std::fwrite(bytes, 1, count, file_) == count; }
  bool Take(void* bytes, size_t count) { return std::fread(bytes, 1, count, file_) == count; }

  std::FILE* file_;
  std::string path_;
  bool at_end_ = false;
  SortableEvent head_;
};

EventSorter::EventSorter(std::string directory, size_t memory_bytes)
    : directory_(std::move(directory)), memory_bytes_(memory_bytes) {}

EventSorter::~EventSorter() = default;

Status EventSorter::Add(SortableEvent event) {
  used_bytes_ += sizeof(SortableEvent) + event.person.size() + event.bytes.size();
  first_time_ = std::min(first_time_, event.time);
  last_time_ = std::max(last_time_, event.time);
  ++count_;
  events_.push_back(std::move(event));
  return used_bytes_ > memory_bytes_ ? Spill() : Status::Ok();
}

Status EventSorter::Spill() {
  std::string path = directory_ + "/import-XXXXXX";
  const int descriptor = mkstemp(path.data());
  if (descriptor < 0) return FileTrouble(directory_);
  unlink(path.c_str());
  std::FILE* file = fdopen(descriptor, "w+b");
  if (file == nullptr) {
    close(descriptor);
    return FileTrouble(path);
  }
  std::sort(events_.begin(), events_.end(), Before);
  auto run = std::make_unique<Run>(file, path);
  SOJOURN_RETURN_IF_ERROR(run->Write(events_));
  runs_.push_back(std::move(run));
  events_.clear();
  used_bytes_ = 0;
  return Status::Ok();
}

Status EventSorter::Finish() {
  std::sort(events_.begin(), events_.end(), Before);
  return Status::Ok();
}

Result<bool> EventSorter::Next(SortableEvent* event) {
  // A handful of runs: looking at each head is as good as a heap.
  Run* first = nullptr;
  for (const auto& run : runs_) {
    if (run->at_end()) continue;
    if (first == nullptr || Before(run->head(), first->head())) first = run.get();
  }
  const bool memory_left = next_in_memory_ < events_.size();
  if (memory_left && (first == nullptr || Before(events_[next_in_memory_], first->head()))) {
    *event = std::move(events_[next_in_memory_++]);
    return true;
  }
  if (first == nullptr) return false;
  *event = std::move(first->head());
  SOJOURN_RETURN_IF_ERROR(first->Advance());
  return true;
}

}  // namespace sojourn::file
