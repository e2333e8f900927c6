#include "engine/store/rocks_database.h"

#include <algorithm>
#include <cstdarg>
#include <filesystem>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include "engine/base/mutant.h"
#include "engine/store/drop_ranges.h"
#include "engine/store/rocks_status.h"

namespace sojourn::store {
namespace {

// Of the block cache, before rows that are read once may push them out.
constexpr double kShareOfIndexesAndFilters = 0.5;

}  // namespace

class RocksMemory {
 public:
  RocksMemory(size_t block_cache_bytes, size_t write_buffer_bytes)
      : block_cache(rocksdb::NewLRUCache(block_cache_bytes, /*num_shard_bits=*/-1,
                                         /*strict_capacity_limit=*/false,
                                         kShareOfIndexesAndFilters)),
        write_buffers(std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes)) {}

  const std::shared_ptr<rocksdb::Cache> block_cache;
  const std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

std::shared_ptr<RocksMemory> NewRocksMemory(size_t block_cache_bytes, size_t write_buffer_bytes) {
  return std::make_shared<RocksMemory>(block_cache_bytes, write_buffer_bytes);
}

namespace {

constexpr size_t kDefaultBlockCacheBytes = 64u << 20;
constexpr size_t kDefaultWriteBufferBytes = 64u << 20;
constexpr uint64_t kSyncStepBytes = 1u << 20;  // asks the kernel to write early, in small steps
constexpr int kMaxOpenFiles = 512;
constexpr int kBloomBitsPerKey = 10;
// Old timer rows lie apart from new ones, so that without this no compaction would ever meet them.
constexpr uint64_t kDroppingCompactionSeconds = uint64_t{12} * 3600;

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// RocksDB's own diagnostics go nowhere: its log file asserts when the disk is full, which would end
// the process where a Status is wanted.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class RocksIterator final : public Iterator {
 public:
  RocksIterator(rocksdb::DB* database, rocksdb::ColumnFamilyHandle* family, KeyRange range,
                const std::string& directory)
      : range_(std::move(range)),
        lower_(ToSlice(range_.lower)),
        upper_(ToSlice(range_.upper)),
        directory_(directory) {
    rocksdb::ReadOptions options;
    if (!range_.lower.empty()) options.iterate_lower_bound = &lower_;
    if (!range_.upper.empty()) options.iterate_upper_bound = &upper_;
    rows_.reset(database->NewIterator(options, family));
  }

  void SeekToFirst() override { rows_->SeekToFirst(); }
  void SeekToLast() override { rows_->SeekToLast(); }
  void Seek(std::string_view key) override { rows_->Seek(ToSlice(key)); }
  void Next() override { rows_->Next(); }
  void Prev() override { rows_->Prev(); }
  bool Valid() const override { return rows_->Valid(); }
  Status status() const override { return FromRocks(rows_->status(), directory_); }
  std::string_view key() const override { return ToView(rows_->key()); }
  std::string_view value() const override { return ToView(rows_->value()); }

 private:
  const KeyRange range_;
  const rocksdb::Slice lower_;  // the bounds are read through these while the iterator lives
  const rocksdb::Slice upper_;
  const std::string& directory_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

// The open database. Families stand in our order, those that only the directory knows behind them.
class RocksDatabase final : public Database {
 public:
  RocksDatabase(std::string directory, std::shared_ptr<RocksMemory> memory)
      : directory_(std::move(directory)), memory_(std::move(memory)) {}

  ~RocksDatabase() override {
    if (database_ == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      (void)database_->DestroyColumnFamilyHandle(handle);
    }
    (void)database_->Close();
  }

  Status Open(const RocksOptions& options, bool is_new);

  Status Write(const WriteBatch& batch, Sync sync) override;
  Result<std::optional<std::string>> Get(Family family, std::string_view key) override;
  Status MultiGet(Family family, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) override;
  std::unique_ptr<Iterator> NewIterator(Family family, KeyRange range) override {
    return std::make_unique<RocksIterator>(database_.get(), Handle(family), std::move(range),
                                           directory_);
  }
  void AllowDropping(Family family, std::string_view begin, std::string_view end) override;
  uint64_t EstimateCount(Family family, const KeyRange& range) override;
  Status Flush() override {
    return FromRocks(database_->Flush(rocksdb::FlushOptions(), handles_), directory_);
  }
  Status Checkpoint(const std::string& directory) override;
  DatabaseSizes Sizes() override;

 private:
  rocksdb::DBOptions MakeOptions() const;
  rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksOptions& options, bool bloom_filter,
                                                 std::shared_ptr<DropRanges> drop_ranges) const;
  std::vector<rocksdb::ColumnFamilyDescriptor> MakeFamilies(
      const RocksOptions& options, const std::vector<std::string>& existing);
  rocksdb::ColumnFamilyHandle* Handle(Family family) const {
    SOJOURN_CHECK(family.value() < drop_ranges_.size());
    return handles_[family.value()];
  }
  uint64_t ApproximateBytes(rocksdb::ColumnFamilyHandle* family, std::string_view begin,
                            std::string_view end);
  uint64_t SumOf(const std::string& property);

  const std::string directory_;
  const std::shared_ptr<RocksMemory> memory_;
  std::vector<std::shared_ptr<DropRanges>> drop_ranges_;  // one per family of ours
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;     // ours first
  std::unique_ptr<rocksdb::DB> database_;
};

rocksdb::CompressionType BestCompression() {
  for (const rocksdb::CompressionType type : rocksdb::GetSupportedCompressions()) {
    if (type == rocksdb::kLZ4Compression) return type;
  }
  return rocksdb::kNoCompression;
}

rocksdb::DBOptions RocksDatabase::MakeOptions() const {
  rocksdb::DBOptions made;
  made.create_missing_column_families = true;
  // What power loss leaves half written at the end of the log is let go; damage before it is an
  // error, for the records behind it were acknowledged.
  made.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  made.track_and_verify_wals_in_manifest = true;
  made.max_open_files = kMaxOpenFiles;
  made.write_buffer_manager = memory_->write_buffers;
  made.bytes_per_sync = kSyncStepBytes;
  made.wal_bytes_per_sync = kSyncStepBytes;
  made.info_log = std::make_shared<NoLog>();
  made.stats_dump_period_sec = 0;
  return made;
}

rocksdb::ColumnFamilyOptions RocksDatabase::MakeFamilyOptions(
    const RocksOptions& options, bool bloom_filter, std::shared_ptr<DropRanges> drop_ranges) const {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory_->block_cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // In pieces: of a file with millions of persons the filter alone is larger than the cache, and
  // would be read whole for each lookup.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.format_version = 5;
  if (bloom_filter) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
    table.whole_key_filtering = true;
  }
  rocksdb::ColumnFamilyOptions made;
  made.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  made.compression = BestCompression();
  made.write_buffer_size = options.write_buffer_bytes_per_family;
  made.level_compaction_dynamic_level_bytes = true;
  if (drop_ranges != nullptr) {
    made.compaction_filter_factory = std::move(drop_ranges);
    made.periodic_compaction_seconds = kDroppingCompactionSeconds;
  }
  return made;
}

// Fills drop_ranges_ on the way.
std::vector<rocksdb::ColumnFamilyDescriptor> RocksDatabase::MakeFamilies(
    const RocksOptions& options, const std::vector<std::string>& existing) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  const auto add = [&](const std::string& name, bool bloom_filter, bool droppable) {
    drop_ranges_.push_back(droppable ? std::make_shared<DropRanges>() : nullptr);
    families.emplace_back(name, MakeFamilyOptions(options, bloom_filter, drop_ranges_.back()));
  };
  add("state", true, false);
  add("timers", false, true);
  add("meta", true, false);
  for (const ExtraFamilyOptions& extra : options.extra_families) {
    add(extra.name, extra.bloom_filter, true);
  }
  // RocksDB wants its own "default" and everything else that is there opened too.
  std::vector<std::string> others = existing;
  others.push_back(rocksdb::kDefaultColumnFamilyName);
  for (const std::string& name : others) {
    const auto same = [&](const auto& family) { return family.name == name; };
    if (std::any_of(families.begin(), families.end(), same)) continue;
    families.emplace_back(name, MakeFamilyOptions(options, false, nullptr));
  }
  return families;
}

Status RocksDatabase::Open(const RocksOptions& options, bool is_new) {
  rocksdb::DBOptions made = MakeOptions();
  made.create_if_missing = is_new;
  std::vector<std::string> existing;
  if (!is_new) {
    SOJOURN_RETURN_IF_ERROR(
        FromRocks(rocksdb::DB::ListColumnFamilies(made, directory_, &existing), directory_));
  }
  rocksdb::DB* opened = nullptr;
  SOJOURN_RETURN_IF_ERROR(FromRocks(
      rocksdb::DB::Open(made, directory_, MakeFamilies(options, existing), &handles_, &opened),
      directory_));
  database_.reset(opened);
  return Status::Ok();
}

Status RocksDatabase::Write(const WriteBatch& batch, Sync sync) {
  rocksdb::WriteBatch rows(batch.bytes());
  rocksdb::Status status;
  batch.ForEach([&](const WriteBatch::Change& change) {
    rocksdb::ColumnFamilyHandle* const family = Handle(change.family);
    const rocksdb::Slice key = ToSlice(change.key);
    rocksdb::Status added;
    switch (change.kind) {
      case WriteBatch::Kind::kPut:
        added = rows.Put(family, key, ToSlice(change.value));
        break;
      case WriteBatch::Kind::kDelete:
        added = rows.Delete(family, key);
        break;
      case WriteBatch::Kind::kDeleteRange:
        added = rows.DeleteRange(family, key, ToSlice(change.value));
        break;
    }
    if (!added.ok()) status = added;
  });
  SOJOURN_RETURN_IF_ERROR(FromRocks(status, directory_));
  rocksdb::WriteOptions options;
  options.disableWAL = IsMutant(Mutant::kNoWriteAheadLog);
  options.sync = sync == Sync::kYes && !options.disableWAL;
  return FromRocks(database_->Write(options, &rows), directory_);
}

Result<std::optional<std::string>> RocksDatabase::Get(Family family, std::string_view key) {
  std::string value;
  const rocksdb::Status status =
      database_->Get(rocksdb::ReadOptions(), Handle(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  SOJOURN_RETURN_IF_ERROR(FromRocks(status, directory_));
  return std::optional(std::move(value));
}

Status RocksDatabase::MultiGet(Family family, std::span<const std::string> keys,
                               std::vector<std::optional<std::string>>* values) {
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  database_->MultiGet(rocksdb::ReadOptions(), Handle(family), keys.size(), slices.data(),
                      found.data(), statuses.data());
  values->clear();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) {
      values->push_back(std::nullopt);
      continue;
    }
    SOJOURN_RETURN_IF_ERROR(FromRocks(statuses[i], directory_));
    values->push_back(found[i].ToString());
  }
  return Status::Ok();
}

void RocksDatabase::AllowDropping(Family family, std::string_view begin, std::string_view end) {
  SOJOURN_CHECK(family.value() < drop_ranges_.size() && drop_ranges_[family.value()] != nullptr);
  drop_ranges_[family.value()]->Set(begin, end);
}

uint64_t RocksDatabase::ApproximateBytes(rocksdb::ColumnFamilyHandle* family,
                                         std::string_view begin, std::string_view end) {
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  options.include_files = true;
  const rocksdb::Range range(ToSlice(begin), ToSlice(end));
  uint64_t bytes = 0;
  return database_->GetApproximateSizes(options, family, &range, 1, &bytes).ok() ? bytes : 0;
}

// The family's estimated keys, by the range's share of its bytes.
uint64_t RocksDatabase::EstimateCount(Family family, const KeyRange& range) {
  const std::string last(32, '\xff');
  uint64_t keys = 0;
  database_->GetIntProperty(Handle(family), rocksdb::DB::Properties::kEstimateNumKeys, &keys);
  const uint64_t all = ApproximateBytes(Handle(family), "", last);
  if (all == 0) return 0;
  const uint64_t part =
      ApproximateBytes(Handle(family), range.lower, range.upper.empty() ? last : range.upper);
  return static_cast<uint64_t>(static_cast<double>(keys) * static_cast<double>(part) /
                               static_cast<double>(all));
}

Status RocksDatabase::Checkpoint(const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  SOJOURN_RETURN_IF_ERROR(
      FromRocks(rocksdb::Checkpoint::Create(database_.get(), &made), directory));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  SOJOURN_RETURN_IF_ERROR(FromRocks(checkpoint->CreateCheckpoint(directory), directory));
  // Opened once, the copy gets the log that every database of ours has, and has been tried.
  RocksOptions options;
  options.directory = directory;
  options.create_if_missing = false;
  RocksDatabase copy(directory, memory_);
  return copy.Open(options, /*is_new=*/false);
}

uint64_t RocksDatabase::SumOf(const std::string& property) {
  uint64_t sum = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    uint64_t part = 0;
    database_->GetIntProperty(handle, property, &part);
    sum += part;
  }
  return sum;
}

DatabaseSizes RocksDatabase::Sizes() {
  DatabaseSizes sizes;
  sizes.disk_bytes = SumOf(rocksdb::DB::Properties::kLiveSstFilesSize);
  sizes.write_buffer_bytes = SumOf(rocksdb::DB::Properties::kCurSizeAllMemTables);
  sizes.cached_block_bytes = memory_->block_cache->GetUsage();
  return sizes;
}

// True where there is nothing. RocksDB itself would make a new database over the remains of one
// without CURRENT, and would read one without its write-ahead log as if nothing had been in it.
Result<bool> IsNew(const std::string& directory) {
  namespace fs = std::filesystem;
  bool anything = false;
  bool current = false;
  bool log = false;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    anything = true;
    current = current || at->path().filename() == "CURRENT";
    log = log || at->path().extension() == ".log";
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return InvalidArgument(fmt::format("{}: cannot be read: {}; choose another directory",
                                       directory, error.message()));
  }
  if (!anything) return true;
  if (current && log) return false;
  return DataLoss(fmt::format(
      "{}: stored data is damaged: {}; restore the directory from a backup", directory,
      current ? "its write-ahead log (*.log) is missing" : "the file CURRENT is missing"));
}

}  // namespace

Result<std::unique_ptr<Database>> OpenRocksDatabase(const RocksOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const bool is_new, IsNew(options.directory));
  if (is_new && !options.create_if_missing) {
    return NotFound(fmt::format("{}: there is no Sojourn data here", options.directory));
  }
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) {
    return InvalidArgument(fmt::format("{}: cannot be made: {}; choose another directory",
                                       options.directory, error.message()));
  }
  auto memory = options.memory != nullptr
                    ? options.memory
                    : NewRocksMemory(kDefaultBlockCacheBytes, kDefaultWriteBufferBytes);
  auto database = std::make_unique<RocksDatabase>(options.directory, std::move(memory));
  SOJOURN_RETURN_IF_ERROR(database->Open(options, is_new));
  SOJOURN_RETURN_IF_ERROR(CheckFormatVersion(database.get(), options.directory));
  return std::unique_ptr<Database>(std::move(database));
}

Status DestroyRocksDatabase(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) return Status::Ok();
  std::vector<std::string> names;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), directory, &names);
  if (!listed.ok()) names.clear();
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.reserve(names.size());
  for (const std::string& name : names) {
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  return FromRocks(rocksdb::DestroyDB(directory, rocksdb::Options(), families), directory);
}

}  // namespace sojourn::store
