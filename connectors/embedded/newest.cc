#include "connectors/embedded/newest.h"

#include <memory>
#include <vector>

#include "connectors/embedded/rows.h"

namespace sojourn::embedded {
namespace {

// The newest record of a partition that was not visited yet.
struct Head {
  std::unique_ptr<store::Iterator> rows;
  LogRow row;
};

// False: the partition has no more.
Result<bool> Read(Head* head) {
  if (!head->rows->Valid()) {
    SOJOURN_RETURN_IF_ERROR(head->rows->status());
    return false;
  }
  SOJOURN_ASSIGN_OR_RETURN(head->row, DecodeLogRow(head->rows->value()));
  return true;
}

Head* NewestOf(std::vector<Head>* heads) {
  Head* newest = nullptr;
  for (Head& head : *heads) {
    if (newest == nullptr || head.row.log_time > newest->row.log_time) newest = &head;
  }
  return newest;
}

}  // namespace

Status VisitNewest(Shared* shared, const EmbeddedLog::RecordVisitor& visit) {
  std::vector<Head> heads;
  for (int32_t p = 0; p < shared->partition_count(); ++p) {
    Head head{
        shared->database->NewIterator(kLogFamily, RowRange(Partition(p), Offset(0), kLastOffset)),
        {}};
    head.rows->SeekToLast();
    SOJOURN_ASSIGN_OR_RETURN(const bool found, Read(&head));
    if (found) heads.push_back(std::move(head));
  }
  while (Head* const newest = NewestOf(&heads)) {
    if (!visit({newest->row.log_time, newest->row.key, newest->row.event})) break;
    newest->rows->Prev();
    SOJOURN_ASSIGN_OR_RETURN(const bool found, Read(newest));
    if (!found) heads.erase(heads.begin() + (newest - heads.data()));
  }
  return Status::Ok();
}

}  // namespace sojourn::embedded
