#include "engine/store/partition_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/store/keys.h"
#include "engine/store/person_record.h"

namespace sojourn::store {
namespace {

constexpr size_t kRebuildBatchRows = 10'000;

// The same error, saying where.
Status In(const std::string& where, const Status& status) {
  return Status(status.code(), where + ": " + status.message());
}

Status OfPerson(std::string_view id, const Status& status) {
  return status.ok() ? status : In(fmt::format("person \"{}\"", id), status);
}

}  // namespace

Result<TakenCodes> ReadTakenCodes(Database* database, Partition partition,
                                  const PartitionMeta& meta) {
  CodeRows chunks;
  for (const CodeChunk& chunk : meta.code_chunks) chunks[{chunk.pool, chunk.index}] = chunk.hashes;
  const auto rows = database->NewIterator(kMetaFamily, CodesRange(partition));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const auto key = ParseCodesKey(rows->key());
    if (!key) return DataLoss("a key of given coupon codes is damaged");
    SOJOURN_ASSIGN_OR_RETURN(std::vector<uint64_t> hashes, DecodeCodes(rows->value()));
    chunks.try_emplace({std::string(key->pool), key->chunk}, std::move(hashes));
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  const Result<TakenCodes> taken = JoinTakenCodes(chunks, meta);
  if (taken.ok()) return taken;
  return In(fmt::format("partition {}", partition.value()), taken.status());
}

Result<TakenCodes> JoinTakenCodes(const CodeRows& rows, const PartitionMeta& meta) {
  TakenCodes taken;
  for (const PoolUse& use : meta.coupons) {
    std::vector<uint64_t>& codes = taken[use.pool];
    for (auto row = rows.lower_bound({use.pool, 0});
         row != rows.end() && row->first.first == use.pool; ++row) {
      if (codes.size() != row->first.second * kCodesPerChunk) break;  // one is missing
      codes.insert(codes.end(), row->second.begin(), row->second.end());
    }
    if (codes.size() < use.taken) {
      return DataLoss(
          fmt::format("of {} coupon codes that the pool {} has given, {} are known; restore all of "
                      "the state from one copy",
                      use.taken, use.pool, codes.size()));
    }
    codes.resize(use.taken);
  }
  return taken;
}

Result<std::unique_ptr<PartitionStore>> PartitionStore::Open(Database* database,
                                                             Partition partition,
                                                             PartitionStoreOptions options) {
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                           database->Get(kMetaFamily, PartitionMetaKey(partition)));
  PartitionMeta meta;
  if (row) {
    Result<PartitionMeta> stored = DecodePartitionMeta(*row);
    if (!stored.ok()) return In(fmt::format("partition {}", partition.value()), stored.status());
    meta = std::move(*stored);
  }
  const bool incomplete = meta.timers_incomplete;
  std::unique_ptr<PartitionStore> store(
      new PartitionStore(database, partition, options, std::move(meta), row.has_value()));
  if (incomplete) SOJOURN_RETURN_IF_ERROR(store->RebuildTimers());
  return store;
}

PartitionStore::PartitionStore(Database* database, Partition partition,
                               PartitionStoreOptions options, PartitionMeta meta,
                               bool ever_committed)
    : database_(database),
      partition_(partition),
      options_(options),
      meta_(std::move(meta)),
      ever_committed_(ever_committed) {
  TakeMeta(std::move(meta_));
  // What a database still knows when it opens is durable.
  ResetTimers(meta_.timer_cursor);
}

void PartitionStore::ResetTimers(TimerRow cursor) {
  timers_.emplace(database_, partition_, std::move(cursor), options_.timers);
  timers_->AllowDropping(timers_->cursor());
}

Status PartitionStore::Load(std::span<const std::string_view> ids,
                            std::vector<std::optional<std::string_view>>* records) {
  table_.TrimTo(options_.cache_bytes);
  std::vector<std::string_view> missing;
  for (const std::string_view id : ids) {
    if (table_.Peek(id) == nullptr) missing.push_back(id);
  }
  if (!missing.empty()) SOJOURN_RETURN_IF_ERROR(ReadMissing(missing));
  records->clear();
  for (const std::string_view id : ids) {
    const RecordTable::Entry* const entry = table_.Find(id);
    const bool known = entry != nullptr && !entry->record.empty();
    records->push_back(known ? std::optional<std::string_view>(entry->record) : std::nullopt);
  }
  return Status::Ok();
}

Status PartitionStore::ReadMissing(std::span<const std::string_view> missing) {
  std::vector<std::string> keys;
  keys.reserve(missing.size());
  for (const std::string_view id : missing) keys.push_back(StateKey(partition_, id));
  std::vector<std::optional<std::string>> values;
  SOJOURN_RETURN_IF_ERROR(database_->MultiGet(kStateFamily, keys, &values));
  for (size_t i = 0; i < missing.size(); ++i) {
    if (!values[i]) continue;
    SOJOURN_RETURN_IF_ERROR(OfPerson(missing[i], CheckPersonRecord(*values[i])));
    table_.PutClean(missing[i], *values[i]);
  }
  return Status::Ok();
}

void PartitionStore::ApplyCommitted(std::span<const PersonChange> persons, PartitionMeta meta) {
  for (const PersonChange& person : persons) {
    const bool may_be_new = table_.Peek(person.id) == nullptr;
    if (may_be_new) fresh_keys_.insert(StateKey(partition_, person.id));
    table_.PutUnflushed(person.id, person.record);
  }
  timers_->Commit();
  TakeMeta(std::move(meta));
  meta_.timer_cursor = timers_->committed_cursor();
  meta_unflushed_ = true;
  ever_committed_ = true;
}

// Chunks of codes wait for their rows to be written; the meta goes without them.
void PartitionStore::TakeMeta(PartitionMeta meta) {
  for (CodeChunk& chunk : meta.code_chunks) {
    const std::pair place(chunk.pool, chunk.index);
    unflushed_codes_[place] = std::move(chunk);
  }
  meta.code_chunks.clear();
  meta_ = std::move(meta);
}

Result<TakenCodes> PartitionStore::ReadTakenCodes() const {
  PartitionMeta meta;
  meta.coupons = meta_.coupons;
  for (const auto& [place, chunk] : unflushed_codes_) meta.code_chunks.push_back(chunk);
  return store::ReadTakenCodes(database_, partition_, meta);
}

Status PartitionStore::ApplyRestored(std::span<const PersonChange> persons, PartitionMeta meta) {
  for (const PersonChange& person : persons) {
    if (person.record.empty()) continue;
    SOJOURN_RETURN_IF_ERROR(OfPerson(person.id, CheckPersonRecord(person.record)));
  }
  for (const PersonChange& person : persons) {
    if (person.record.empty()) continue;
    timers_->Arm(person.id, Timestamp::Max(), RecordNextDeadline(person.record));
  }
  ApplyCommitted(persons, std::move(meta));
  return Status::Ok();
}

size_t PartitionStore::unflushed_bytes() const {
  return table_.unflushed_bytes() + timers_->unwritten_bytes();
}

// With all that its counts of given codes speak of.
void PartitionStore::AppendMeta(WriteBatch* batch, const PartitionMeta& meta) const {
  const auto put = [&](const CodeChunk& chunk) {
    batch->Put(kMetaFamily, CodesKey(partition_, chunk.pool, chunk.index),
               EncodeCodes(chunk.hashes));
  };
  for (const auto& [place, chunk] : unflushed_codes_) put(chunk);
  for (const CodeChunk& chunk : meta.code_chunks) put(chunk);
  batch->Put(kMetaFamily, PartitionMetaKey(partition_), EncodePartitionMeta(meta));
}

Status PartitionStore::Flush(Sync sync) {
  if (!ever_committed_ || (!meta_unflushed_ && sync == Sync::kNo)) return Status::Ok();
  std::vector<std::pair<std::string, std::string_view>> rows;
  rows.reserve(table_.unflushed_count());
  table_.ForEachUnflushed([&](std::string_view id, std::string_view record) {
    rows.emplace_back(StateKey(partition_, id), record);
  });
  std::sort(rows.begin(), rows.end());
  WriteBatch batch;
  for (const auto& [key, record] : rows) {
    if (record.empty()) {
      batch.Delete(kStateFamily, key);
    } else {
      batch.Put(kStateFamily, key, record);
    }
  }
  timers_->AppendUnwritten(&batch);
  AppendMeta(&batch, meta_);
  SOJOURN_RETURN_IF_ERROR(database_->Write(batch, sync));
  table_.MarkFlushed();
  table_.TrimTo(options_.cache_bytes);
  fresh_keys_.clear();
  unflushed_codes_.clear();
  timers_->Written();
  meta_unflushed_ = false;
  if (sync == Sync::kYes) timers_->AllowDropping(meta_.timer_cursor);
  return Status::Ok();
}

void PartitionStore::AppendTo(WriteBatch* batch, std::span<const PersonChange> persons,
                              PartitionMeta meta) const {
  SOJOURN_CHECK(!meta_unflushed_);
  for (const PersonChange& person : persons) {
    if (person.record.empty()) {
      batch->Delete(kStateFamily, StateKey(partition_, person.id));
    } else {
      batch->Put(kStateFamily, StateKey(partition_, person.id), person.record);
    }
  }
  timers_->AppendUncommitted(batch);
  meta.timer_cursor = timers_->cursor();
  AppendMeta(batch, meta);
}

void PartitionStore::ApplyWritten(std::span<const PersonChange> persons, PartitionMeta meta) {
  SOJOURN_CHECK(!meta_unflushed_);
  for (const PersonChange& person : persons) table_.PutClean(person.id, person.record);
  table_.TrimTo(options_.cache_bytes);
  timers_->Commit();
  timers_->Written();
  TakeMeta(std::move(meta));
  unflushed_codes_.clear();
  meta_.timer_cursor = timers_->committed_cursor();
  ever_committed_ = true;
  timers_->AllowDropping(meta_.timer_cursor);
}

// Merges the database's rows with the unflushed persons that it may lack; what is in memory wins.
Status PartitionStore::Scan(std::string_view after_person, size_t max_count,
                            std::vector<ScannedPerson>* persons) {
  persons->clear();
  KeyRange range = PartitionRange(partition_);
  if (!after_person.empty()) range.lower = KeyBehind(StateKey(partition_, after_person));
  auto fresh = fresh_keys_.lower_bound(range.lower);
  const auto rows = database_->NewIterator(kStateFamily, std::move(range));
  rows->SeekToFirst();
  while (persons->size() < max_count && (rows->Valid() || fresh != fresh_keys_.end())) {
    const bool from_memory =
        !rows->Valid() || (fresh != fresh_keys_.end() && *fresh <= rows->key());
    const std::string key(from_memory ? std::string_view(*fresh) : rows->key());
    const auto id = PersonOfStateKey(key);
    if (!id)
      return DataLoss(fmt::format("partition {}: a state key is damaged", partition_.value()));
    const RecordTable::Entry* const entry = table_.Peek(*id);
    const std::string_view record =
        entry != nullptr ? std::string_view(entry->record) : rows->value();
    if (entry == nullptr) SOJOURN_RETURN_IF_ERROR(OfPerson(*id, CheckPersonRecord(record)));
    if (!record.empty()) persons->push_back({std::string(*id), std::string(record)});
    if (rows->Valid() && rows->key() == key) rows->Next();
    if (from_memory) ++fresh;
  }
  return rows->status();
}

Status PartitionStore::RebuildTimers() {
  SOJOURN_CHECK(timers_->idle());
  if (!ever_committed_) return Status::Ok();
  SOJOURN_RETURN_IF_ERROR(Flush(Sync::kNo));
  // The old cursor must not let new rows below it vanish.
  ResetTimers(TimerRow());
  meta_.timer_cursor = TimerRow();
  meta_.timers_incomplete = true;
  WriteBatch batch;
  const KeyRange all = PartitionRange(partition_);
  batch.DeleteRange(kTimersFamily, all.lower, all.upper);
  AppendMeta(&batch, meta_);
  SOJOURN_RETURN_IF_ERROR(database_->Write(batch, Sync::kNo));
  SOJOURN_RETURN_IF_ERROR(RewriteTimers());
  meta_.timers_incomplete = false;
  batch.Clear();
  AppendMeta(&batch, meta_);
  return database_->Write(batch, Sync::kYes);
}

Status PartitionStore::RewriteTimers() {
  WriteBatch batch;
  const auto rows = database_->NewIterator(kStateFamily, PartitionRange(partition_));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const auto id = PersonOfStateKey(rows->key());
    if (!id)
      return DataLoss(fmt::format("partition {}: a state key is damaged", partition_.value()));
    SOJOURN_RETURN_IF_ERROR(OfPerson(*id, CheckPersonRecord(rows->value())));
    const Timestamp deadline = RecordNextDeadline(rows->value());
    if (deadline != Timestamp::Max()) {
      batch.Put(kTimersFamily, TimerKey(partition_, deadline, *id), {});
    }
    if (batch.count() == kRebuildBatchRows) {
      SOJOURN_RETURN_IF_ERROR(database_->Write(batch, Sync::kNo));
      batch.Clear();
    }
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return database_->Write(batch, Sync::kNo);
}

}  // namespace sojourn::store
