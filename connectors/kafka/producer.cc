#include "connectors/kafka/producer.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstring>

#include "connectors/kafka/error.h"
#include "engine/base/check.h"
#include "engine/base/mutant.h"

namespace sojourn::kafka {
namespace {

using Clock = std::chrono::steady_clock;

Properties OwnProperties(const KafkaConfig& config, const std::string& transactional_id) {
  Properties properties = {
      {"transactional.id", transactional_id},
      {"transaction.timeout.ms", std::to_string(config.transaction_timeout.milliseconds())},
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"message.max.bytes", std::to_string(kMaxRecordBytes)},
  };
  if (IsMutant(Mutant::kNoTransaction)) properties.erase(properties.begin());
  return properties;
}

Properties DefaultProperties() {
  return {
      // After a commit the coordinator still writes markers for a moment and turns the next
      // transaction away; with the library's 100 ms every commit would cost that much.
      {"retry.backoff.ms", "5"},
      {"socket.nagle.disable", "true"},
      {"compression.type", "lz4"},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "1048576"},
  };
}

}  // namespace

TransactionalProducer::TransactionalProducer(const KafkaConfig& config,
                                             std::string transactional_id, KafkaObserver* observer)
    : config_(config), transactional_id_(std::move(transactional_id)), observer_(observer) {}

TransactionalProducer::~TransactionalProducer() {
  topics_.clear();  // before the client they belong to
}

Status TransactionalProducer::OpenClient() {
  ClientCallbacks callbacks;
  callbacks.delivery_report = &TransactionalProducer::OnDeliveryReport;
  callbacks.opaque = this;
  SOJOURN_ASSIGN_OR_RETURN(client_, Client::Open(RD_KAFKA_PRODUCER, "producer", config_,
                                                 OwnProperties(config_, transactional_id_),
                                                 DefaultProperties(), callbacks, observer_));
  return Status::Ok();
}

Status TransactionalProducer::Settle(Duration timeout) {
  Poll();
  if (IsMutant(Mutant::kKeptProducer) && settled_) (void)CommitOnce(timeout);
  if (settled_) return Status::Ok();
  if (!client_) SOJOURN_RETURN_IF_ERROR(OpenClient());
  if (IsMutant(Mutant::kNoTransaction)) return settled_ = true, Status::Ok();
  const ErrorPtr error(rd_kafka_init_transactions(client_->handle(), TimeoutMilliseconds(timeout)));
  rd_kafka_poll(client_->handle(), 0);
  if (!error) {
    settled_ = true;
    return Status::Ok();
  }
  const std::string what = "settling earlier transactions of " + transactional_id_;
  if (Classify(error.get()) == ErrorClass::kRetriable) {
    return Unavailable(StatusOf(error.get(), what).message());  // The client goes on by itself.
  }
  const Status status = StatusOf(error.get(), what);
  Drop(status);
  return status;
}

void TransactionalProducer::Drop(const Status& why) {
  settled_ = false;
  if (!client_) return;
  topics_.clear();
  client_.reset();
  observer_->OnClientRebuilt("producer", why);
}

Status TransactionalProducer::Begin() {
  SOJOURN_CHECK(settled_);
  failure_ = Status::Ok();
  offsets_.clear();
  if (IsMutant(Mutant::kNoTransaction)) return Status::Ok();
  const ErrorPtr error(rd_kafka_begin_transaction(client_->handle()));
  if (!error) return Status::Ok();
  const Status status = StatusOf(error.get(), "beginning a transaction");
  Drop(status);  // Between transactions only a client that is of no use refuses this.
  return Fail(status);
}

Status TransactionalProducer::Fail(const Status& status) {
  if (failure_.ok()) failure_ = status;
  return failure_;
}

rd_kafka_topic_t* TransactionalProducer::TopicHandle(std::string_view name) {
  auto found = topics_.find(name);
  if (found == topics_.end()) {
    const std::string text(name);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(client_->handle(), text.c_str(), nullptr);
    SOJOURN_CHECK(topic != nullptr);  // Fails for invalid names only, which Validate refuses.
    found = topics_.emplace(text, topic).first;
  }
  return found->second.get();
}

Result<rd_kafka_headers_t*> TransactionalProducer::MakeHeaders(std::span<const Header> headers) {
  if (headers.empty()) return nullptr;
  rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
  for (const Header& header : headers) {
    const rd_kafka_resp_err_t code =
        rd_kafka_header_add(list, header.name.data(), static_cast<ssize_t>(header.name.size()),
                            header.value.data(), static_cast<ssize_t>(header.value.size()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_headers_destroy(list);
      return StatusOf(code, "making a record's headers");
    }
  }
  return list;
}

Result<size_t> TransactionalProducer::Produce(const OutgoingRecord& record) {
  if (!failure_.ok()) return failure_;
  Result<rd_kafka_headers_t*> headers = MakeHeaders(record.headers);
  if (!headers.ok()) return Fail(headers.status());
  const size_t number = offsets_.size();
  offsets_.push_back(-1);
  std::array<rd_kafka_vu_t, 7> values = {};
  size_t count = 0;
  values[count].vtype = RD_KAFKA_VTYPE_RKT;
  values[count++].u.rkt = TopicHandle(record.topic);
  values[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  values[count++].u.i32 = record.partition.value();
  values[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  values[count++].u.i = RD_KAFKA_MSG_F_COPY;
  values[count].vtype = RD_KAFKA_VTYPE_KEY;
  values[count++].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
  values[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
  values[count++].u.ptr = reinterpret_cast<void*>(number + 1);
  if (record.value) {
    // A null pointer would make an empty value a tombstone.
    const char* bytes = record.value->data() ? record.value->data() : "";
    values[count].vtype = RD_KAFKA_VTYPE_VALUE;
    values[count++].u.mem = {const_cast<char*>(bytes), record.value->size()};
  }
  if (*headers) {
    values[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    values[count++].u.headers = *headers;
  }
  const auto deadline =
      Clock::now() + std::chrono::milliseconds(config_.transaction_timeout.milliseconds());
  for (;;) {
    const ErrorPtr error(rd_kafka_produceva(client_->handle(), values.data(), count));
    if (!error || IsMutant(Mutant::kUncheckedProduce)) return number;
    const bool full = rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (full && Clock::now() < deadline) {
      constexpr int kPollTimeoutMs = 10;
      rd_kafka_poll(client_->handle(), kPollTimeoutMs);
      continue;
    }
    if (*headers) rd_kafka_headers_destroy(*headers);
    return Fail(StatusOf(error.get(), fmt::format("writing to {}", record.topic)));
  }
}

void TransactionalProducer::OnDeliveryReport(rd_kafka_t*, const rd_kafka_message_t* message,
                                             void* opaque) {
  auto* producer = static_cast<TransactionalProducer*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    (void)producer->Fail(
        StatusOf(message->err, fmt::format("writing to {}", rd_kafka_topic_name(message->rkt))));
    return;
  }
  const size_t number = reinterpret_cast<size_t>(message->_private) - 1;
  SOJOURN_CHECK(number < producer->offsets_.size());
  producer->offsets_[number] = message->offset;
}

Status TransactionalProducer::SendOffsets(std::span<const NextOffset> offsets,
                                          const rd_kafka_consumer_group_metadata_t* generation) {
  if (!failure_.ok()) return failure_;
  if (IsMutant(Mutant::kNoTransaction)) return Status::Ok();
  const PartitionListPtr list = NewPartitionList(static_cast<int>(offsets.size()));
  for (const NextOffset& next : offsets) {
    // A call with nothing but invalid offsets would succeed without any check of the generation.
    SOJOURN_CHECK(next.offset.value() >= 0);
    rd_kafka_topic_partition_t* place = rd_kafka_topic_partition_list_add(
        list.get(), std::string(next.topic).c_str(), next.partition.value());
    place->offset = next.offset.value();
    if (next.metadata.empty()) continue;
    // The list frees it.
    place->metadata = strndup(next.metadata.data(), next.metadata.size());
    place->metadata_size = next.metadata.size();
  }
  const auto deadline =
      Clock::now() + std::chrono::milliseconds(config_.transaction_timeout.milliseconds());
  for (;;) {
    const ErrorPtr error(
        rd_kafka_send_offsets_to_transaction(client_->handle(), list.get(), generation,
                                             TimeoutMilliseconds(config_.transaction_timeout)));
    if (!error) return Status::Ok();
    if (Classify(error.get()) == ErrorClass::kRetriable && Clock::now() < deadline) continue;
    return Fail(StatusOf(error.get(), "sending offsets"));
  }
}

Status TransactionalProducer::WaitForDelivery() {
  if (!failure_.ok()) return failure_;
  const rd_kafka_resp_err_t code =
      rd_kafka_flush(client_->handle(), TimeoutMilliseconds(config_.transaction_timeout));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return Fail(StatusOf(code, "waiting for records"));
  for (const int64_t offset : offsets_) {
    if (offset < 0 && !IsMutant(Mutant::kUncheckedProduce))
      return Fail(Internal("Kafka: a record was not acknowledged"));
  }
  return failure_;
}

ErrorPtr TransactionalProducer::CommitOnce(Duration timeout) {
  return ErrorPtr(rd_kafka_commit_transaction(client_->handle(), TimeoutMilliseconds(timeout)));
}

runtime::CommitResult TransactionalProducer::Commit() {
  using runtime::CommitOutcome;
  if (Status status = WaitForDelivery(); !status.ok()) {
    Abort();
    return {CommitOutcome::kNotCommitted, std::move(status)};
  }
  if (IsMutant(Mutant::kNoTransaction)) return {};
  const ErrorPtr error = CommitOnce(config_.commit_timeout);
  if (!error) return {CommitOutcome::kCommitted, Status::Ok()};
  // Even an error that asks for an abort may stand beside a commit that the coordinator made.
  Status status = StatusOf(error.get(), "committing a transaction");
  if (IsMutant(Mutant::kKeptProducer)) return {CommitOutcome::kNotCommitted, std::move(status)};
  Drop(status);
  return {CommitOutcome::kUncertain, std::move(status)};
}

void TransactionalProducer::Abort() {
  if (IsMutant(Mutant::kNoTransaction)) return;
  if (!client_) return;  // The commit was never asked for: whoever settles next aborts.
  const Status why = Fail(Aborted("Kafka: aborted by the caller"));
  // What timed out may still be under way, and librdkafka 2.0.2 ends the process by an assertion
  // when such a request is given up after its transaction was aborted.
  if (why.code() == StatusCode::kUnavailable) return Drop(why);
  const ErrorPtr error(rd_kafka_abort_transaction(
      client_->handle(), TimeoutMilliseconds(config_.transaction_timeout)));
  if (error)
    Drop(StatusOf(error.get(), "aborting a transaction"));
  else if (!client_->FatalError().ok())
    Drop(why);
}

Offset TransactionalProducer::DeliveredOffset(size_t number) const {
  SOJOURN_CHECK(number < offsets_.size());
  return Offset(offsets_[number]);
}

void TransactionalProducer::Poll() {
  if (!client_) return;
  rd_kafka_poll(client_->handle(), 0);
  if (const Status fatal = client_->FatalError(); !fatal.ok()) Drop(fatal);
}

}  // namespace sojourn::kafka
