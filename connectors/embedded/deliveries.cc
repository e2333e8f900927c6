#include "connectors/embedded/deliveries.h"

#include <utility>

#include "connectors/embedded/rows.h"
#include "engine/base/arena.h"
#include "engine/deliver/delivery_event.h"
#include "engine/model/action_codec.h"

namespace sojourn::embedded {
namespace {

using deliver::DeliveryRecord;

bool HasReaders(Shared* shared) {
  const auto rows = shared->database->NewIterator(kControlFamily, {ReaderKey(""), "reader;"});
  rows->SeekToFirst();
  return rows->Valid();
}

// A relay may be set up later; until then mails wait within their useful time.
constexpr char kMailReader[] = "mail";

// Whether others may have acted on what was decided before this new reader: then it begins with
// what comes.
bool BeginsAtTheEnd(Shared* shared, const std::string& reader) {
  if (reader != kMailReader) return true;
  return HasReaders(shared);
}

}  // namespace

Status VisitDeliveries(Shared* shared, Partition partition, Offset from,
                       const std::function<bool(DeliveryRecord)>& visit) {
  const auto rows =
      shared->database->NewIterator(kDeliveriesFamily, RowRange(partition, from, kLastOffset));
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const std::optional<Offset> offset = OffsetOfRowKey(rows->key());
    if (!offset.has_value()) return DataLoss("a key of the deliveries is damaged");
    SOJOURN_ASSIGN_OR_RETURN(DeliveryRecord record,
                             deliver::DecodeDelivery({partition, *offset}, rows->value()));
    if (!visit(std::move(record))) return Status::Ok();
  }
  return rows->status();
}

Result<std::unique_ptr<EmbeddedDeliveries>> EmbeddedDeliveries::Open(Shared* shared,
                                                                     std::string reader) {
  const size_t count = static_cast<size_t>(shared->partition_count());
  SOJOURN_ASSIGN_OR_RETURN(const auto row,
                           shared->database->Get(kControlFamily, ReaderKey(reader)));
  Cursors cursors;
  if (row.has_value()) {
    SOJOURN_ASSIGN_OR_RETURN(cursors, DecodeCursors(*row));
  } else if (BeginsAtTheEnd(shared, reader)) {
    for (int32_t p = 0; p < shared->partition_count(); ++p) {
      cursors.push_back(shared->action_ends->Get(Partition(p)));
    }
  }
  cursors.resize(count, Offset(0));
  if (!row.has_value()) {
    store::WriteBatch batch;
    batch.Put(kControlFamily, ReaderKey(reader), EncodeCursors(cursors));
    SOJOURN_RETURN_IF_ERROR(shared->database->Write(batch, store::Sync::kYes));
  }
  return std::unique_ptr<EmbeddedDeliveries>(
      new EmbeddedDeliveries(shared, std::move(reader), std::move(cursors)));
}

Status EmbeddedDeliveries::Poll(Duration timeout, Listener* listener) {
  if (opened_) {
    seen_ = shared_->committed.WaitBeyond(seen_, timeout);
    return Status::Ok();
  }
  opened_ = true;
  seen_ = shared_->committed.count();
  for (int32_t p = 0; p < shared_->partition_count(); ++p) {
    SOJOURN_ASSIGN_OR_RETURN(deliver::OpenedPartition opened, OpenPartition(Partition(p)));
    listener->OnOpened(std::move(opened));
  }
  return Status::Ok();
}

Result<deliver::OpenedPartition> EmbeddedDeliveries::OpenPartition(Partition partition) {
  deliver::OpenedPartition opened;
  opened.partition = partition;
  opened.cursor = cursors_[static_cast<size_t>(partition.value())];
  SOJOURN_RETURN_IF_ERROR(
      VisitDeliveries(shared_, partition, opened.cursor, [&](DeliveryRecord record) {
        const Offset offset = record.place.offset;
        opened.records.emplace(offset, std::move(record));
        return true;
      }));
  return opened;
}

Result<std::map<Offset, DeliveryRecord>> EmbeddedDeliveries::FindRecords(
    Partition partition, const std::set<Offset>& actions) {
  std::map<Offset, DeliveryRecord> found;
  for (const Offset offset : actions) {
    SOJOURN_ASSIGN_OR_RETURN(const auto row,
                             shared_->database->Get(kDeliveriesFamily, RowKey(partition, offset)));
    if (!row.has_value()) continue;
    SOJOURN_ASSIGN_OR_RETURN(DeliveryRecord record,
                             deliver::DecodeDelivery({partition, offset}, *row));
    found.emplace(offset, std::move(record));
  }
  return found;
}

Result<std::vector<deliver::CommittedAction>> EmbeddedDeliveries::Read(Partition partition,
                                                                       Offset from,
                                                                       size_t max_count) {
  std::vector<deliver::CommittedAction> actions;
  const auto rows = shared_->database->NewIterator(
      kActionsFamily, RowRange(partition, from, shared_->action_ends->Get(partition)));
  for (rows->SeekToFirst(); rows->Valid() && actions.size() < max_count; rows->Next()) {
    const std::optional<Offset> offset = OffsetOfRowKey(rows->key());
    if (!offset.has_value()) return DataLoss("a key of the actions is damaged");
    SOJOURN_ASSIGN_OR_RETURN(const ActionRow row, DecodeActionRow(rows->value()));
    SOJOURN_ASSIGN_OR_RETURN(model::Action action, model::DecodeAction(row.action));
    actions.push_back({{partition, *offset}, std::move(action), row.action.size()});
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return actions;
}

Status EmbeddedDeliveries::Commit(const deliver::DeliveryBatch& batch) {
  SOJOURN_RETURN_IF_ERROR(shared_->CheckRoom());
  store::WriteBatch rows;
  for (const DeliveryRecord& record : batch.records) {
    rows.Put(kDeliveriesFamily, RowKey(record.place.partition, record.place.offset),
             deliver::EncodeDelivery(record));
  }
  Cursors cursors = cursors_;
  for (const deliver::ActionPlace& cursor : batch.cursors) {
    cursors[static_cast<size_t>(cursor.partition.value())] = cursor.offset;
  }
  if (!batch.cursors.empty()) {
    rows.Put(kControlFamily, ReaderKey(reader_), EncodeCursors(cursors));
  }
  Arena arena;
  std::vector<model::Event> events;
  for (const deliver::DeliveryEvent& event : batch.events) {
    events.push_back(deliver::ToEvent(event, &arena));
  }
  const Status written = events.empty() ? shared_->database->Write(rows, store::Sync::kYes)
                                        : shared_->writer->AppendWith(events, &rows);
  // While an import replays, nothing else can be appended.
  if (written.code() == StatusCode::kFailedPrecondition) return Unavailable(written.message());
  if (written.ok()) cursors_ = std::move(cursors);
  return written;
}

}  // namespace sojourn::embedded
