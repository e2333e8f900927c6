#include "connectors/embedded/log_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "connectors/embedded/rows.h"
#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/model/event_codec.h"

namespace sojourn::embedded {

LogWriter::LogWriter(store::Database* database, LogWriterOptions options)
    : database_(database),
      options_(std::move(options)),
      tails_(static_cast<size_t>(options_.partition_count)),
      ends_(static_cast<size_t>(options_.partition_count)) {}

Result<std::unique_ptr<LogWriter>> LogWriter::Open(store::Database* database,
                                                   LogWriterOptions options) {
  std::unique_ptr<LogWriter> writer(new LogWriter(database, std::move(options)));
  SOJOURN_RETURN_IF_ERROR(writer->ReadTails());
  return writer;
}

Status LogWriter::ReadTails() {
  for (int32_t p = 0; p < options_.partition_count; ++p) {
    Tail& tail = tails_[static_cast<size_t>(p)];
    const auto rows =
        database_->NewIterator(kLogFamily, RowRange(Partition(p), Offset(0), kLastOffset));
    rows->SeekToLast();
    SOJOURN_RETURN_IF_ERROR(rows->status());
    if (!rows->Valid()) continue;
    const std::optional<Offset> last = OffsetOfRowKey(rows->key());
    Result<LogRow> row = DecodeLogRow(rows->value());
    if (!last.has_value() || !row.ok()) {
      return DataLoss(fmt::format("the last record of the log's partition {} is damaged", p));
    }
    tail.next_offset = last->value() + 1;
    tail.log_time = row->log_time;
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto replaying, database_->Get(kControlFamily, kReplayKey));
  replaying_ = replaying.value_or("");
  for (size_t p = 0; p < tails_.size(); ++p) ends_[p] = tails_[p].next_offset;
  return Status::Ok();
}

bool LogWriter::empty() const {
  return std::all_of(ends_.begin(), ends_.end(), [](const auto& end) { return end == 0; });
}

// ---- requests --------------------------------------------------------------------------------

Result<std::vector<AppendedPlace>> LogWriter::Append(std::span<const model::Event> events) {
  Request request;
  SOJOURN_RETURN_IF_ERROR(AddEvents(events, &request));
  SOJOURN_RETURN_IF_ERROR(Submit(&request));
  return std::move(request.places);
}

Status LogWriter::AppendWith(std::span<const model::Event> events, const store::WriteBatch* rows) {
  Request request;
  SOJOURN_RETURN_IF_ERROR(AddEvents(events, &request));
  request.rows = rows;
  request.bytes += rows->bytes();
  return Submit(&request);
}

Status LogWriter::AppendOwn(std::span<const runtime::OwnRecord* const> records,
                            const store::WriteBatch* rows) {
  Request request;
  request.own = true;
  request.rows = rows;
  request.bytes = rows->bytes();
  for (const runtime::OwnRecord* own : records) {
    const Partition home(PartitionOfKey(own->key, options_.partition_count));
    request.records.push_back({home, own->time, own->key, own->value});
    request.bytes += own->value.size();
  }
  return Submit(&request);
}

Status LogWriter::AddEvents(std::span<const model::Event> events, Request* request) const {
  for (const model::Event& event : events) {
    if (!model::IsValidPersonId(event.person)) {
      return InvalidArgument("an event without a valid person's id cannot be appended");
    }
    AddRecord(event, Timestamp::Min(), request);
  }
  return Status::Ok();
}

Status LogWriter::AppendImport(const ImportChunk& chunk, const store::WriteBatch* rows) {
  Request request;
  request.import = &chunk;
  request.rows = rows;
  const Timestamp first = chunk.records.empty() ? Timestamp::Min() : chunk.records[0].log_time;
  if (chunk.state.replay && !chunk.continues.has_value()) {
    AddBrackets(model::EventType::kImportBegin, first, &request);
  }
  for (const ImportRecord& record : chunk.records) {
    if (!model::IsValidPersonId(record.event.person)) {
      return InvalidArgument("an event without a valid person's id cannot be imported");
    }
    AddRecord(record.event, chunk.state.replay ? record.log_time : Timestamp::Min(), &request);
  }
  if (chunk.state.replay && chunk.state.finished) {
    AddBrackets(model::EventType::kImportEnd, Timestamp::Min(), &request);
  }
  return Submit(&request);
}

Result<std::optional<ImportState>> LogWriter::FindImport(std::string_view fingerprint) {
  SOJOURN_ASSIGN_OR_RETURN(const auto row, database_->Get(kControlFamily, ImportKey(fingerprint)));
  if (!row.has_value()) return std::optional<ImportState>();
  SOJOURN_ASSIGN_OR_RETURN(const ImportState state, DecodeImport(*row));
  return std::optional<ImportState>(state);
}

Result<std::optional<OpenReplay>> LogWriter::FindOpenReplay() {
  SOJOURN_ASSIGN_OR_RETURN(const auto fingerprint, database_->Get(kControlFamily, kReplayKey));
  if (!fingerprint.has_value()) return std::optional<OpenReplay>();
  SOJOURN_ASSIGN_OR_RETURN(const auto state, FindImport(*fingerprint));
  if (!state.has_value()) return DataLoss("the place of the import that replays is missing");
  return std::optional<OpenReplay>({*fingerprint, *state});
}

Status LogWriter::AbandonImport(std::string_view fingerprint) {
  SOJOURN_ASSIGN_OR_RETURN(const auto state, FindImport(fingerprint));
  if (!state.has_value()) return FailedPrecondition("no such import was begun");
  ImportChunk chunk;
  chunk.fingerprint = fingerprint;
  chunk.continues = state->position;
  chunk.state = *state;
  chunk.state.finished = true;
  chunk.state.abandoned = true;
  return AppendImport(chunk, nullptr);
}

// Timestamp::Min(): as soon as the log allows, which is now for live records.
void LogWriter::AddRecord(const model::Event& event, Timestamp log_time, Request* request) const {
  NewRecord& record = request->records.emplace_back();
  record.partition = Partition(PartitionOfKey(event.person, options_.partition_count));
  record.log_time = log_time;
  record.key = event.person;
  model::EncodeEvent(event, nullptr, &record.event);
  request->bytes += record.event.size();
}

void LogWriter::AddBrackets(model::EventType type, Timestamp log_time, Request* request) const {
  model::Event bracket;
  bracket.type = type;
  for (int32_t p = 0; p < options_.partition_count; ++p) {
    NewRecord& record = request->records.emplace_back();
    record.partition = Partition(p);
    record.log_time = log_time;
    model::EncodeEvent(bracket, nullptr, &record.event);
  }
}

// ---- the group commit ------------------------------------------------------------------------

Status LogWriter::Submit(Request* request) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(request);
  while (!request->done) {
    if (writing_) {
      group_done_.wait(lock);
    } else {
      Lead(&lock);
    }
  }
  return request->status;
}

void LogWriter::Lead(std::unique_lock<std::mutex>* lock) {
  writing_ = true;
  const Timestamp now = std::max(options_.clock->Now(), promised_);
  group_time_ = now;
  const std::vector<Request*> group = TakeGroup();
  lock->unlock();
  std::vector<Tail> tails = tails_;
  const Status status = WriteGroup(group, now, &tails);
  if (status.ok()) {
    tails_ = std::move(tails);
    Publish(tails_);
  }
  lock->lock();
  for (Request* request : group) {
    if (request->status.ok()) request->status = status;
    request->done = true;
  }
  writing_ = false;
  group_done_.notify_all();
  options_.on_written();
}

std::optional<Timestamp> LogWriter::UnderWaySince() {
  const std::lock_guard lock(mutex_);
  if (writing_) return group_time_;
  promised_ = std::max(promised_, options_.clock->Now());
  return std::nullopt;
}

// The requests in order of arrival, as far as the size goes; an import travels alone, because it is
// checked against what is durable.
std::vector<LogWriter::Request*> LogWriter::TakeGroup() {
  size_t count = 0;
  size_t bytes = 0;
  for (; count < waiting_.size(); ++count) {
    Request* request = waiting_[count];
    bytes += request->bytes;
    if (count > 0 && (request->import != nullptr || waiting_[0]->import != nullptr ||
                      bytes > options_.max_group_bytes)) {
      break;
    }
  }
  const auto end = waiting_.begin() + static_cast<ptrdiff_t>(count);
  std::vector<Request*> group(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  return group;
}

Status LogWriter::WriteGroup(const std::vector<Request*>& group, Timestamp now,
                             std::vector<Tail>* tails) {
  const Status room = options_.check_room();
  const ImportChunk* import = group.front()->import;
  if (import != nullptr) SOJOURN_RETURN_IF_ERROR(room);
  if (import != nullptr) {
    SOJOURN_RETURN_IF_ERROR(CheckImport(*import));
  }
  store::WriteBatch batch;
  for (Request* request : group) {
    if (!request->own) request->status = room;  // what is committed comes from what was let in
    const bool replays = !replaying_.empty() && import == nullptr && !request->own;
    if (request->status.ok() && replays) request->status = RefuseWhileReplaying();
    if (request->status.ok()) AddToBatch(request, now, tails, &batch);
  }
  if (import != nullptr) {
    batch.Put(kControlFamily, ImportKey(import->fingerprint), EncodeImport(import->state));
    if (import->state.replay && import->state.finished) {
      batch.Delete(kControlFamily, kReplayKey);
    } else if (import->state.replay) {
      batch.Put(kControlFamily, kReplayKey, import->fingerprint);
    }
  }
  SOJOURN_RETURN_IF_ERROR(database_->Write(batch, store::Sync::kYes));
  if (import != nullptr && import->state.replay) {
    replaying_ = import->state.finished ? "" : std::string(import->fingerprint);
  }
  return Status::Ok();
}

Status LogWriter::CheckImport(const ImportChunk& chunk) {
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<ImportState> state, FindImport(chunk.fingerprint));
  if (state.has_value() != chunk.continues.has_value() ||
      (state.has_value() && state->position != *chunk.continues)) {
    return FailedPrecondition("the import is not at the place this chunk goes on from");
  }
  const uint64_t letters = state.has_value() ? state->dead_letters : 0;
  if (chunk.state.dead_letters != letters + chunk.dead_letters.size()) {
    return FailedPrecondition("the import's dead letters are not those this chunk goes on from");
  }
  if (state.has_value() && (state->finished || state->replay != chunk.state.replay)) {
    return FailedPrecondition("the import has finished, or was begun in another mode");
  }
  if (!replaying_.empty() && replaying_ != chunk.fingerprint) {
    return RefuseWhileReplaying();
  }
  if (chunk.state.replay && !state.has_value() && !empty()) {
    return FailedPrecondition("only an import into an empty data directory can replay");
  }
  return Status::Ok();
}

Status LogWriter::RefuseWhileReplaying() {
  SOJOURN_ASSIGN_OR_RETURN(const auto open, FindOpenReplay());
  const std::string name = !open.has_value()          ? replaying_
                           : open->state.name.empty() ? open->fingerprint
                                                      : open->state.name;
  return FailedPrecondition(
      fmt::format("the import of {} replays into this log and stands at event {}; finish it first, "
                  "by importing "
                  "it again, or end it where it stands: sojourn import --abandon",
                  name, open.has_value() ? open->state.position : 0));
}

// Log times never fall within a partition. Live records have the present one; replayed ones their
// own, but none from the future.
void LogWriter::AddToBatch(Request* request, Timestamp now, std::vector<Tail>* tails,
                           store::WriteBatch* batch) const {
  if (request->rows != nullptr) batch->Append(*request->rows);
  const bool replay = request->import != nullptr ? request->import->state.replay
                                                 : request->own && !replaying_.empty();
  for (const NewRecord& record : request->records) {
    Tail& tail = (*tails)[static_cast<size_t>(record.partition.value())];
    const Timestamp wanted = replay ? std::min(record.log_time, now) : now;
    tail.log_time = std::max(tail.log_time, wanted);
    const Offset offset(tail.next_offset++);
    batch->Put(kLogFamily, RowKey(record.partition, offset),
               EncodeLogRow({tail.log_time, record.key, record.event}));
    request->places.push_back({record.partition, offset});
  }
}

void LogWriter::Publish(const std::vector<Tail>& tails) {
  for (size_t p = 0; p < tails.size(); ++p) {
    ends_[p].store(tails[p].next_offset, std::memory_order_release);
  }
}

}  // namespace sojourn::embedded
