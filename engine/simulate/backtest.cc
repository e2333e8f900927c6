#include "engine/simulate/backtest.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/store/partition_store.h"

namespace sojourn::simulate {
namespace {

constexpr Partition kPartition{0};
constexpr size_t kEventsPerTurn = 2048;
// Decoded persons take some kilobytes each.
constexpr size_t kPersonsPerCommit = 5000;

}  // namespace

// The log of one partition, as far as it is needed: from the last commit on.
class Backtest::Queue final : public runtime::InputLog {
 public:
  explicit Queue(TallyObserver* observer) : observer_(observer) {}

  void Push(const RecordedEvent& event) { events_.push_back(event); }
  void End() { ended_ = true; }
  size_t size() const { return events_.size(); }
  size_t unread() const { return events_.size() - read_; }
  // Nobody goes back behind this.
  void Committed(Offset next) {
    while (first_ < next) {
      events_.pop_front();
      first_ = Offset(first_.value() + 1);
      --read_;
    }
  }

  const std::vector<runtime::InputDescription>& inputs() const override { return inputs_; }
  int32_t partition_count() const override { return 1; }
  Status Poll(Duration) override { return Status::Ok(); }
  void SetListener(runtime::AssignmentListener*) override {}
  std::optional<int64_t> Lag(Partition, uint16_t, Offset) override { return std::nullopt; }
  void Wake() override {}

  Result<runtime::FetchedRecords> Fetch(Partition, uint16_t, size_t max_records) override {
    records_.clear();
    const size_t end = std::min(events_.size(), read_ + max_records);
    for (; read_ < end; ++read_) {
      const RecordedEvent& event = events_[read_];
      runtime::InputRecord& record = records_.emplace_back();
      record.offset = OffsetOf(read_);
      record.log_time = event.log_time;
      record.key = event.person;
      record.value = event.bytes;
    }
    return runtime::FetchedRecords{records_, OffsetOf(read_), ended_ && unread() == 0};
  }

  // A task sets positions only where it goes back to its last commit.
  Status SetPositions(std::span<const runtime::PartitionPositions> positions) override {
    SOJOURN_CHECK(positions.size() == 1 && positions[0].next[0] >= first_);
    read_ = static_cast<size_t>(positions[0].next[0].value() - first_.value());
    observer_->Forget();
    return Status::Ok();
  }

 private:
  Offset OffsetOf(size_t index) const {
    return Offset(first_.value() + static_cast<int64_t>(index));
  }

  TallyObserver* const observer_;
  const std::vector<runtime::InputDescription> inputs_ = {{"events", /*internal=*/true}};
  std::deque<RecordedEvent> events_;  // references stand while others come and go
  Offset first_{0};                   // of events_
  size_t read_ = 0;                   // of events_
  bool ended_ = false;
  std::vector<runtime::InputRecord> records_;
};

Backtest::Backtest(std::shared_ptr<const language::Bundle> bundle, Window window,
                   store::Database* database, People* people)
    : database_(database),
      observer_(window, people),
      clock_(Timestamp(0)),
      rules_(runtime::RulesSource::Fixed(std::make_shared<language::RuleSet>(std::move(bundle)))),
      queue_(std::make_unique<Queue>(&observer_)),
      decoder_({model::EventFormat::kProtobuf}) {
  secrets_.coupon_key = "the key of backtests";
}

Backtest::~Backtest() = default;

Result<std::unique_ptr<Backtest>> Backtest::Open(std::shared_ptr<const language::Bundle> bundle,
                                                 Window window, store::Database* database,
                                                 People* people) {
  std::unique_ptr<Backtest> backtest(new Backtest(std::move(bundle), window, database, people));
  SOJOURN_RETURN_IF_ERROR(backtest->Start());
  return backtest;
}

Status Backtest::Start() {
  runtime::OpenedPartition opened;
  SOJOURN_ASSIGN_OR_RETURN(opened.store, store::PartitionStore::Open(database_, kPartition));
  store_ = opened.store.get();
  opened.next = {Offset(0)};
  runtime::TaskEnvironment environment;
  environment.log = queue_.get();
  environment.decoder = &decoder_;
  environment.clock = &clock_;
  environment.rules = rules_.get();
  environment.secrets = &secrets_;
  environment.observer = &observer_;
  environment.options.watermark_slack = Duration();
  environment.options.max_interval_persons = kPersonsPerCommit;
  SOJOURN_ASSIGN_OR_RETURN(task_, runtime::Task::Open(environment, kPartition, std::move(opened)));
  return Status::Ok();
}

Status Backtest::Add(const RecordedEvent& event) {
  // The wall clock of virtual time: no record is ahead of it.
  clock_.Set(std::max(clock_.Now(), event.log_time));
  queue_->Push(event);
  return queue_->unread() < kEventsPerTurn ? Status::Ok() : Work();
}

Status Backtest::Finish(Timestamp until) {
  SOJOURN_RETURN_IF_ERROR(Work());
  clock_.Set(std::max(clock_.Now(), until + Milliseconds(1)));
  queue_->End();
  SOJOURN_RETURN_IF_ERROR(Work());
  while (task_->HasWork()) {
    SOJOURN_RETURN_IF_ERROR(Commit());
    SOJOURN_RETURN_IF_ERROR(Work());
  }
  observer_.mutable_tally()->people = static_cast<int64_t>(store_->meta().persons);
  return Status::Ok();
}

Status Backtest::Work() {
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const bool more, task_->RunSlice());
    if (task_->IsFull() || queue_->size() >= kMaxHeldEvents) SOJOURN_RETURN_IF_ERROR(Commit());
    if (!more) return Status::Ok();
  }
}

// Where the interval cannot be committed it is rolled back, to be made again by the next slice.
Status Backtest::Commit() {
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<runtime::CommitBatch> batch, task_->Prepare());
  if (!batch) return Status::Ok();
  store::WriteBatch write;
  store_->AppendTo(&write, batch->changes, *batch->meta);
  SOJOURN_RETURN_IF_ERROR(database_->Write(write, store::Sync::kNo));
  store_->ApplyWritten(batch->changes, *batch->meta);
  const Offset next = batch->meta->inputs[0].next_offset;
  for (const runtime::OwnRecord& own : batch->own_records) {
    queue_->Push({clock_.Now(), own.key, own.value});
  }
  task_->Committed(Duration());
  queue_->Committed(next);
  return Status::Ok();
}

}  // namespace sojourn::simulate
