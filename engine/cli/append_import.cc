#include "engine/cli/append_import.h"

#include <fmt/format.h>

#include <utility>

#include "engine/cli/progress.h"

namespace sojourn::cli {
namespace {

constexpr size_t kEventsPerChunk = 2000;
constexpr size_t kBytesPerChunk = 8u << 20;

}  // namespace

Result<uint64_t> AppendSorted(const ImportIdentity& identity, const ImportProgress& progress,
                              bool end, file::EventSorter* sorter, Backend* backend) {
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
    const ImportPiece piece{position, chunk, progress.dead_letters, {}, end && !more};
    if (!chunk.empty() || piece.last) {
      SOJOURN_RETURN_IF_ERROR(backend->AppendImport(identity, piece));
    }
    position += chunk.size();
    chunk.clear();
    chunk_bytes = 0;
    shown.Show(static_cast<int64_t>(position));
  }
  shown.Finish();
  return position;
}

BadLineKeeper::BadLineKeeper(std::string file, ImportIdentity identity,
                             const ImportProgress& progress, uint64_t events, Backend* backend)
    : file_(std::move(file)),
      identity_(std::move(identity)),
      events_(events),
      backend_(backend),
      now_(runtime::SystemClock().Now()),
      to_pass_(progress.dead_letters),
      kept_(progress.dead_letters) {}

Status BadLineKeeper::Add(int64_t line, const std::string& reason, std::string text) {
  if (to_pass_ > 0) {
    --to_pass_;
    return Status::Ok();
  }
  runtime::DeadLetter letter;
  letter.message = fmt::format("{}:{}: {}", file_, line, reason);
  letter.topic = "import";
  letter.offset = Offset(line);
  letter.log_time = now_;
  letter.value = std::move(text);
  bytes_ += letter.value.size();
  letters_.push_back(std::move(letter));
  const bool more_fit = letters_.size() < kEventsPerChunk && bytes_ < kBytesPerChunk;
  return more_fit ? Status::Ok() : Keep(/*last=*/false);
}

Status BadLineKeeper::Finish() { return Keep(/*last=*/true); }

Status BadLineKeeper::Keep(bool last) {
  const ImportPiece piece{events_, {}, kept_, letters_, last};
  SOJOURN_RETURN_IF_ERROR(backend_->AppendImport(identity_, piece));
  kept_ += letters_.size();
  letters_.clear();
  bytes_ = 0;
  return Status::Ok();
}

}  // namespace sojourn::cli
