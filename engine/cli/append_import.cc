#include "engine/cli/append_import.h"

#include <fmt/format.h>

#include <utility>

#include "engine/cli/progress.h"

namespace sojourn::cli {
namespace {

constexpr size_t kEventsPerChunk = 2000;
constexpr size_t kBytesPerChunk = 8u << 20;

}  // namespace

Status AppendSorted(const ImportIdentity& identity, const ImportProgress& progress,
                    file::EventSorter* sorter, Backend* backend) {
  Progress shown("importing", sorter->count());
  std::vector<ImportedEvent> chunk;
  size_t chunk_bytes = 0;
  uint64_t position = 0;
  file::SortableEvent event;
  SOJOURN_ASSIGN_OR_RETURN(bool more, sorter->Next(&event));
  while (more) {
    if (position + chunk.size() < progress.position) {
      ++position;  // appended by an earlier run of this import
    } else {
      chunk_bytes += event.bytes.size();
      chunk.push_back({event.time, std::move(event.person), std::move(event.bytes)});
    }
    SOJOURN_ASSIGN_OR_RETURN(more, sorter->Next(&event));
    if (more && chunk.size() < kEventsPerChunk && chunk_bytes < kBytesPerChunk) continue;
    if (chunk.empty() && more) continue;
    SOJOURN_RETURN_IF_ERROR(backend->AppendImport(identity, position, chunk, !more));
    position += chunk.size();
    chunk.clear();
    chunk_bytes = 0;
    shown.Show(static_cast<int64_t>(position));
  }
  shown.Finish();
  return Status::Ok();
}

BadLineKeeper::BadLineKeeper(std::string file, Backend* backend)
    : file_(std::move(file)), backend_(backend), now_(runtime::SystemClock().Now()) {}

Status BadLineKeeper::Add(int64_t line, const std::string& reason, std::string text) {
  runtime::DeadLetter letter;
  letter.message = fmt::format("{}:{}: {}", file_, line, reason);
  letter.topic = "import";
  letter.offset = Offset(line);
  letter.log_time = now_;
  letter.value = std::move(text);
  bytes_ += letter.value.size();
  letters_.push_back(std::move(letter));
  return letters_.size() < kEventsPerChunk && bytes_ < kBytesPerChunk ? Status::Ok() : Finish();
}

Status BadLineKeeper::Finish() {
  if (letters_.empty()) return Status::Ok();
  SOJOURN_RETURN_IF_ERROR(backend_->AppendDeadLetters(letters_));
  letters_.clear();
  bytes_ = 0;
  return Status::Ok();
}

}  // namespace sojourn::cli
