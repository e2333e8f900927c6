#include "connectors/kafka/topic_follower.h"

#include <chrono>
#include <utility>
#include <vector>

#include "connectors/kafka/error.h"

namespace sojourn::kafka {
namespace {

constexpr Partition kOnlyPartition{0};
constexpr int kWaitMs = 100;
constexpr std::chrono::milliseconds kRetryInterval(1000);
constexpr std::chrono::milliseconds kRetryTurn(100);  // a stop waits no longer

// Nothing more may come of it by itself.
bool IsLasting(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR__FATAL;
}

}  // namespace

TopicFollower::TopicFollower(const KafkaConfig& config, std::string topic, EventProducer* producer,
                             KafkaObserver* observer, Visitor visit)
    : config_(config),
      topic_(std::move(topic)),
      producer_(producer),
      observer_(observer),
      visit_(std::move(visit)) {}

Result<std::unique_ptr<TopicFollower>> TopicFollower::Open(const KafkaConfig& config,
                                                           const std::string& topic,
                                                           EventProducer* producer,
                                                           KafkaObserver* observer, Visitor visit) {
  std::unique_ptr<TopicFollower> follower(
      new TopicFollower(config, topic, producer, observer, std::move(visit)));
  SOJOURN_RETURN_IF_ERROR(follower->Start());
  SOJOURN_RETURN_IF_ERROR(follower->CatchUp());
  return follower;
}

TopicFollower::~TopicFollower() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Status TopicFollower::Start() {
  SOJOURN_ASSIGN_OR_RETURN(cluster_, Cluster::Connect(config_, observer_));
  SOJOURN_ASSIGN_OR_RETURN(
      client_, Client::Open(RD_KAFKA_CONSUMER, "follower", config_,
                            {{"isolation.level", "read_committed"},
                             {"group.id", config_.app},  // needed to assign; nothing is committed
                             {"enable.auto.commit", "false"},
                             {"enable.auto.offset.store", "false"},
                             {"enable.partition.eof", "true"},
                             // What was compacted away is made up for by what is left.
                             {"auto.offset.reset", "earliest"},
                             {"allow.auto.create.topics", "false"},
                             {"check.crcs", "true"}},
                            {{"socket.nagle.disable", "true"},
                             {"fetch.error.backoff.ms", "100"},
                             // The end is told by a fetch that waited in vain.
                             {"fetch.wait.max.ms", "100"},
                             {"queued.max.messages.kbytes", "16384"}},
                            {}, observer_));
  SOJOURN_RETURN_IF_ERROR(ReadFrom(RD_KAFKA_OFFSET_BEGINNING));
  thread_ = std::thread([this] { Follow(); });
  return Status::Ok();
}

Status TopicFollower::ReadFrom(int64_t offset) {
  const PartitionListPtr list = NewPartitionList(1);
  rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), kOnlyPartition.value())->offset =
      offset;
  const rd_kafka_resp_err_t code = rd_kafka_assign(client_->handle(), list.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status::Ok() : StatusOf(code, "reading " + topic_);
}

void TopicFollower::Follow() {
  while (!stopping_) {
    const MessagePtr message(rd_kafka_consumer_poll(client_->handle(), kWaitMs));
    if (!message) continue;
    Take(*message);
    if (!failure().ok()) TryAgain();
  }
}

// The end is told once: only who sets the position anew hears that it can be read again.
void TopicFollower::TryAgain() {
  for (auto left = kRetryInterval; left.count() > 0 && !stopping_; left -= kRetryTurn) {
    std::this_thread::sleep_for(kRetryTurn);
  }
  Offset next;
  {
    const std::lock_guard lock(mutex_);
    next = next_;
  }
  const Status set = ReadFrom(next.value());
  if (set.ok()) return;
  const std::lock_guard lock(mutex_);
  failure_ = set;
}

void TopicFollower::Take(const rd_kafka_message_t& message) {
  const bool is_record = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is_record) visit_(RecordOf(message));
  const Status before = failure();
  Status now = before;
  {
    const std::lock_guard lock(mutex_);
    if (is_record || message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // The end lies behind control records, which are no messages.
      next_ = Offset(message.offset + (is_record ? 1 : 0));
      now = Status::Ok();
    } else if (IsLasting(message.err)) {
      now = StatusOf(message.err, "reading " + topic_);
    }
    failure_ = now;
  }
  moved_.notify_all();
  Tell(before, now);
}

// Only this thread changes the failure, so nothing is told twice.
void TopicFollower::Tell(const Status& before, const Status& now) {
  if (before.ok() && !now.ok()) {
    observer_->OnLog(LogLevel::kError, "follower", now.message());
  } else if (!before.ok() && now.ok()) {
    observer_->OnLog(LogLevel::kInfo, "follower", topic_ + " can be read again");
  }
}

Status TopicFollower::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Status TopicFollower::CatchUp() {
  Offset end;
  {
    const std::lock_guard asking(asking_);
    SOJOURN_ASSIGN_OR_RETURN(const Watermarks watermarks,
                             cluster_->QueryWatermarks(topic_, kOnlyPartition));
    end = watermarks.end;
  }
  const std::chrono::milliseconds patience(config_.start_timeout.milliseconds());
  std::unique_lock lock(mutex_);
  while (next_ < end) {
    SOJOURN_RETURN_IF_ERROR(failure_);
    const Offset before = next_;
    if (!moved_.wait_for(lock, patience, [&] { return next_ != before || !failure_.ok(); })) {
      return Unavailable("Kafka: " + topic_ + " could not be read to its end in time");
    }
  }
  return Status::Ok();
}

Status TopicFollower::Write(std::span<const Change> changes) {
  std::vector<NewEvent> records;
  records.reserve(changes.size());
  for (const Change& change : changes) {
    records.push_back({topic_, change.key, change.value, kOnlyPartition});
  }
  SOJOURN_RETURN_IF_ERROR(producer_->Append(records));
  return CatchUp();
}

}  // namespace sojourn::kafka
