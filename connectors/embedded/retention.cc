#include "connectors/embedded/retention.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "connectors/embedded/rows.h"
#include "engine/store/keys.h"
#include "engine/store/partition_meta.h"

namespace sojourn::embedded {
namespace {

using TimeOfRow = std::function<Result<Timestamp>(std::string_view)>;

Result<Timestamp> TimeOfLogRow(std::string_view bytes) {
  SOJOURN_ASSIGN_OR_RETURN(const LogRow row, DecodeLogRow(bytes));
  return row.log_time;
}

Result<Timestamp> TimeOfActionRow(std::string_view bytes) {
  SOJOURN_ASSIGN_OR_RETURN(const ActionRow row, DecodeActionRow(bytes));
  return row.committed_at;
}

// The first row at or behind `from` as (offset, time); nullopt: none before `to`.
struct PlacedRow {
  Offset offset;
  Timestamp time;
};
Result<std::optional<PlacedRow>> FirstRow(store::Database* database, store::Family family,
                                          Partition partition, Offset from, Offset to,
                                          const TimeOfRow& time_of) {
  const auto rows = database->NewIterator(family, RowRange(partition, from, to));
  rows->SeekToFirst();
  SOJOURN_RETURN_IF_ERROR(rows->status());
  if (!rows->Valid()) return std::optional<PlacedRow>();
  const std::optional<Offset> offset = OffsetOfRowKey(rows->key());
  if (!offset.has_value()) return DataLoss("a key of the embedded log is damaged");
  SOJOURN_ASSIGN_OR_RETURN(const Timestamp time, time_of(rows->value()));
  return std::optional<PlacedRow>(PlacedRow{*offset, time});
}

// Deletes the rows below `to` that are older than `cutoff`, and those of the family `companion` at
// the same places. Times never fall, so the border is found by halving.
Status DeleteBelow(store::Database* database, store::Family family,
                   std::optional<store::Family> companion, Partition partition, Offset to,
                   Timestamp cutoff, const TimeOfRow& time_of, store::WriteBatch* batch) {
  const auto row_at = [&](Offset from) {
    return FirstRow(database, family, partition, from, to, time_of);
  };
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<PlacedRow> first, row_at(Offset(0)));
  if (!first.has_value() || first->time >= cutoff) return Status::Ok();
  int64_t old = first->offset.value();  // known to be older
  int64_t young = to.value();           // known not to be, or the limit
  while (young - old > 1) {
    const int64_t middle = old + (young - old) / 2;
    SOJOURN_ASSIGN_OR_RETURN(const std::optional<PlacedRow> row, row_at(Offset(middle)));
    if (row.has_value() && row->time < cutoff) {
      old = row->offset.value();
    } else {
      young = middle;
    }
  }
  const std::string begin = RowKey(partition, Offset(0));
  const std::string end = RowKey(partition, Offset(young));
  batch->DeleteRange(family, begin, end);
  if (companion) batch->DeleteRange(*companion, begin, end);
  return Status::Ok();
}

// How far the records of the partition's log are applied.
Result<Offset> AppliedUpTo(Shared* shared, Partition partition) {
  SOJOURN_ASSIGN_OR_RETURN(
      const auto row,
      shared->database->Get(store::kMetaFamily, store::PartitionMetaKey(partition)));
  if (!row.has_value()) return Offset(0);
  SOJOURN_ASSIGN_OR_RETURN(const store::PartitionMeta meta, store::DecodePartitionMeta(*row));
  return meta.inputs.empty() ? Offset(0) : meta.inputs[0].next_offset;
}

// By partition: what every known reader of actions has passed; without readers, everything.
Result<Cursors> PassedByReaders(Shared* shared) {
  Cursors passed;
  for (int32_t p = 0; p < shared->partition_count(); ++p) {
    passed.push_back(shared->action_ends->Get(Partition(p)));
  }
  const auto rows = shared->database->NewIterator(kControlFamily, {ReaderKey(""), "reader;"});
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    SOJOURN_ASSIGN_OR_RETURN(const Cursors cursors, DecodeCursors(rows->value()));
    for (size_t p = 0; p < passed.size() && p < cursors.size(); ++p) {
      passed[p] = std::min(passed[p], cursors[p]);
    }
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return passed;
}

Offset AtMost(Offset limit, Offset end) {
  return std::min(limit, Offset(std::max<int64_t>(end.value() - 1, 0)));
}

}  // namespace

Status DeleteOldRows(Shared* shared, Duration keep) {
  const Timestamp cutoff = shared->clock->Now() - keep;
  SOJOURN_ASSIGN_OR_RETURN(const Cursors passed, PassedByReaders(shared));
  store::WriteBatch batch;
  for (int32_t p = 0; p < shared->partition_count(); ++p) {
    const Partition partition(p);
    store::Database* database = shared->database.get();
    SOJOURN_ASSIGN_OR_RETURN(const Offset applied, AppliedUpTo(shared, partition));
    SOJOURN_RETURN_IF_ERROR(DeleteBelow(database, kLogFamily, std::nullopt, partition,
                                        AtMost(applied, shared->writer->End(partition)), cutoff,
                                        TimeOfLogRow, &batch));
    SOJOURN_RETURN_IF_ERROR(
        DeleteBelow(database, kActionsFamily, kDeliveriesFamily, partition,
                    AtMost(passed[static_cast<size_t>(p)], shared->action_ends->Get(partition)),
                    cutoff, TimeOfActionRow, &batch));
  }
  return batch.empty() ? Status::Ok() : shared->database->Write(batch, store::Sync::kNo);
}

}  // namespace sojourn::embedded
