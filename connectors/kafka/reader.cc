#include "connectors/kafka/reader.h"

#include <fmt/format.h>

#include <array>

#include "connectors/kafka/error.h"
#include "connectors/kafka/place_headers.h"
#include "engine/base/check.h"

namespace sojourn::kafka {
namespace {

// One started partition; stops with its object.
class Reading {
 public:
  Reading(rd_kafka_t* handle, const std::string& topic, Partition partition)
      : topic_(rd_kafka_topic_new(handle, topic.c_str(), nullptr)),
        queue_(rd_kafka_queue_new(handle)),
        partition_(partition) {
    SOJOURN_CHECK(topic_ != nullptr);
  }
  ~Reading() {
    if (started_) rd_kafka_consume_stop(topic_, partition_.value());
    queue_.reset();
    rd_kafka_topic_destroy(topic_);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  Status Start(Offset from) {
    if (rd_kafka_consume_start_queue(topic_, partition_.value(), from.value(), queue_.get()) != 0) {
      return StatusOf(rd_kafka_last_error(), "reading " + std::string(rd_kafka_topic_name(topic_)));
    }
    started_ = true;
    return Status::Ok();
  }
  rd_kafka_queue_t* queue() const { return queue_.get(); }

 private:
  rd_kafka_topic_t* topic_;
  QueuePtr queue_;
  const Partition partition_;
  bool started_ = false;
};

bool IsPassing(rd_kafka_resp_err_t code) {
  return code != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET &&
         code != RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE && code != RD_KAFKA_RESP_ERR__FATAL &&
         code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
         code != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC && code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

Status ErrorOf(const rd_kafka_message_t& message, const std::string& place) {
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    return DataLoss(fmt::format("Kafka: {}: {}", place, rd_kafka_message_errstr(&message)));
  }
  return StatusOf(message.err, "reading " + place);
}

}  // namespace

StoredRecord RecordOf(const rd_kafka_message_t& message) {
  StoredRecord record;
  record.message = &message;
  record.offset = Offset(message.offset);
  record.log_time = LogTimeOf(message);
  if (const auto place = OriginalPlaceOf(message)) record.log_time = place->log_time;
  if (message.key) record.key = {static_cast<const char*>(message.key), message.key_len};
  if (message.payload) {
    record.value = std::string_view(static_cast<const char*>(message.payload), message.len);
  }
  return record;
}

Result<std::unique_ptr<PartitionReader>> PartitionReader::Open(const KafkaConfig& config,
                                                               KafkaObserver* observer) {
  std::unique_ptr<PartitionReader> reader(new PartitionReader());
  SOJOURN_ASSIGN_OR_RETURN(reader->client_,
                           Client::Open(RD_KAFKA_CONSUMER, "reader", config,
                                        {{"isolation.level", "read_committed"},
                                         {"enable.auto.commit", "false"},
                                         {"enable.partition.eof", "true"},
                                         {"auto.offset.reset", "error"},
                                         {"allow.auto.create.topics", "false"},
                                         {"check.crcs", "true"}},
                                        {{"socket.nagle.disable", "true"},
                                         {"fetch.error.backoff.ms", "100"},
                                         // The end is told by a fetch that waited in vain.
                                         {"fetch.wait.max.ms", "10"},
                                         {"queued.min.messages", "10000000"},
                                         {"queued.max.messages.kbytes", "16384"}},
                                        {}, observer));
  return reader;
}

PartitionReader::~PartitionReader() = default;

Result<Offset> PartitionReader::ReadTo(const std::string& topic, Partition partition, Offset from,
                                       Offset end, const Visitor& visit,
                                       const KeepGoing& keep_going) {
  if (from >= end) return from;
  const std::string place = fmt::format("{} [{}]", topic, partition.value());
  Reading reading(client_->handle(), topic, partition);
  SOJOURN_RETURN_IF_ERROR(reading.Start(from));
  Offset next = from;
  while (next < end) {
    if (!keep_going()) return Aborted("Kafka: reading " + place + " was given up");
    constexpr size_t kBatch = 1000;
    constexpr int kWaitMs = 100;
    std::array<rd_kafka_message_t*, kBatch> raw = {};
    const ssize_t count =
        rd_kafka_consume_batch_queue(reading.queue(), kWaitMs, raw.data(), kBatch);
    Status status;
    for (ssize_t i = 0; i < count; ++i) {
      const MessagePtr message(raw[static_cast<size_t>(i)]);
      if (!status.ok()) continue;  // The rest of the batch is only released.
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        next = Offset(message->offset + 1);
        status = visit(RecordOf(*message));
      } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        // The end lies behind control records, which are no messages.
        next = std::max(next, Offset(message->offset));
      } else if (!IsPassing(message->err)) {
        status = ErrorOf(*message, place);
      }
    }
    if (!status.ok()) return status;
    rd_kafka_poll(client_->handle(), 0);
  }
  return next;
}

Result<bool> PartitionReader::ReadFirst(const std::string& topic, Partition partition, Offset from,
                                        Offset end, const Visitor& visit,
                                        const KeepGoing& keep_going) {
  bool found = false;
  Status result;
  const Result<Offset> read = ReadTo(
      topic, partition, from, end,
      [&](const StoredRecord& record) {
        found = true;
        result = visit(record);
        return Aborted("one was enough");
      },
      keep_going);
  if (found) {
    SOJOURN_RETURN_IF_ERROR(result);
    return true;
  }
  if (!read.ok()) return read.status();
  return false;
}

}  // namespace sojourn::kafka
