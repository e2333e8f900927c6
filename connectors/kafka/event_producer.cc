#include "connectors/kafka/event_producer.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <utility>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/error.h"
#include "connectors/kafka/place_headers.h"
#include "engine/base/check.h"

namespace sojourn::kafka {
namespace {

constexpr int kDeliveryTimeoutMs = 30'000;
constexpr int kServeIntervalMs = 100;

struct HeadersDeleter {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using HeadersPtr = std::unique_ptr<rd_kafka_headers_t, HeadersDeleter>;

// Null where there are none.
HeadersPtr MakeHeaders(const NewEvent& event) {
  std::vector<std::pair<std::string, std::string>> pairs(event.headers.begin(),
                                                         event.headers.end());
  if (event.original) {
    for (auto& pair : PlaceHeaders(*event.original)) pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) return nullptr;
  HeadersPtr headers(rd_kafka_headers_new(pairs.size()));
  for (const auto& [name, value] : pairs) {
    const rd_kafka_resp_err_t code =
        rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                            value.data(), static_cast<ssize_t>(value.size()));
    SOJOURN_CHECK(code == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  return headers;
}

}  // namespace

struct EventProducer::Pending {
  std::mutex mutex;
  std::condition_variable done;
  int64_t waiting = 0;  // guarded by mutex, as is `failure`
  Status failure;       // the first one
};

EventProducer::EventProducer(const KafkaConfig& config, KafkaObserver* observer)
    : config_(config), observer_(observer) {}

Result<std::unique_ptr<EventProducer>> EventProducer::Open(const KafkaConfig& config,
                                                           KafkaObserver* observer) {
  std::unique_ptr<EventProducer> producer(new EventProducer(config, observer));
  SOJOURN_ASSIGN_OR_RETURN(producer->client_, producer->OpenClient());
  producer->server_ = std::thread([raw = producer.get()] { raw->ServeUntilStopped(); });
  return producer;
}

EventProducer::~EventProducer() {
  stopping_ = true;
  if (server_.joinable()) server_.join();
}

Result<std::shared_ptr<Client>> EventProducer::OpenClient() {
  ClientCallbacks callbacks;
  callbacks.delivery_report = &EventProducer::OnDeliveryReport;
  callbacks.opaque = this;
  SOJOURN_ASSIGN_OR_RETURN(
      std::unique_ptr<Client> client,
      Client::Open(RD_KAFKA_PRODUCER, "event producer", config_,
                   {{"enable.idempotence", "true"},
                    {"acks", "all"},
                    {"partitioner", "murmur2_random"},
                    {"message.timeout.ms", std::to_string(kDeliveryTimeoutMs)},
                    {"message.max.bytes", std::to_string(kMaxRecordBytes)}},
                   {{"socket.nagle.disable", "true"}, {"compression.type", "lz4"}}, callbacks,
                   observer_));
  return std::shared_ptr<Client>(std::move(client));
}

Result<std::shared_ptr<Client>> EventProducer::UsableClient() {
  const std::lock_guard lock(mutex_);
  if (const Status fatal = client_->FatalError(); !fatal.ok()) {
    SOJOURN_ASSIGN_OR_RETURN(client_, OpenClient());
    observer_->OnClientRebuilt("event producer", fatal);
  }
  return client_;
}

void EventProducer::ServeUntilStopped() {
  while (!stopping_) {
    std::shared_ptr<Client> client;
    {
      const std::lock_guard lock(mutex_);
      client = client_;
    }
    rd_kafka_poll(client->handle(), kServeIntervalMs);
  }
}

void EventProducer::OnDeliveryReport(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* pending = static_cast<Pending*>(message->_private);
  const std::lock_guard lock(pending->mutex);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && pending->failure.ok()) {
    pending->failure =
        StatusOf(message->err, fmt::format("writing to {}", rd_kafka_topic_name(message->rkt)));
  }
  // Notified under the lock: the waiter may destroy `pending` as soon as it can see this.
  if (--pending->waiting == 0) pending->done.notify_all();
}

Status EventProducer::Produce(const NewEvent& event, Client* client, Pending* pending) {
  const std::string topic(event.topic);
  HeadersPtr headers = MakeHeaders(event);
  std::array<rd_kafka_vu_t, 7> values = {};
  size_t count = 0;
  values[count].vtype = RD_KAFKA_VTYPE_TOPIC;
  values[count++].u.cstr = topic.c_str();
  values[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  values[count++].u.i32 = event.partition ? event.partition->value() : RD_KAFKA_PARTITION_UA;
  values[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  values[count++].u.i = RD_KAFKA_MSG_F_COPY;
  values[count].vtype = RD_KAFKA_VTYPE_KEY;
  values[count++].u.mem = {const_cast<char*>(event.key.data()), event.key.size()};
  values[count].vtype = RD_KAFKA_VTYPE_VALUE;
  // Empty is not absent: a tombstone has no address at all.
  const std::string_view value = event.value.value_or(std::string_view());
  const char* const bytes = event.value && value.empty() ? "" : value.data();
  values[count++].u.mem = {const_cast<char*>(bytes), value.size()};
  values[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
  values[count++].u.ptr = pending;
  if (headers) {
    values[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    values[count++].u.headers = headers.get();
  }
  {
    const std::lock_guard lock(pending->mutex);
    ++pending->waiting;
  }
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(kDeliveryTimeoutMs);
  for (;;) {
    const ErrorPtr error(rd_kafka_produceva(client->handle(), values.data(), count));
    if (!error) {
      (void)headers.release();  // The record owns them now.
      return Status::Ok();
    }
    const bool full = rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (full && std::chrono::steady_clock::now() < deadline) {
      constexpr int kPollTimeoutMs = 10;
      rd_kafka_poll(client->handle(), kPollTimeoutMs);
      continue;
    }
    const std::lock_guard lock(pending->mutex);
    --pending->waiting;
    return StatusOf(error.get(), "writing to " + topic);
  }
}

Status EventProducer::Append(std::span<const NewEvent> events) {
  SOJOURN_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client, UsableClient());
  Pending pending;
  Status refused;
  for (const NewEvent& event : events) {
    refused = Produce(event, client.get(), &pending);
    if (!refused.ok()) break;
  }
  std::unique_lock lock(pending.mutex);
  while (pending.waiting > 0) {
    // The server may already serve a newer client than the one these went to.
    pending.done.wait_for(lock, std::chrono::milliseconds(kServeIntervalMs));
    if (pending.waiting == 0) break;
    lock.unlock();
    rd_kafka_poll(client->handle(), 0);
    lock.lock();
  }
  return refused.ok() ? pending.failure : refused;
}

Result<int32_t> EventProducer::PartitionCount(const std::string& topic) {
  SOJOURN_ASSIGN_OR_RETURN(const std::unique_ptr<Cluster> cluster,
                           Cluster::Connect(config_, observer_));
  SOJOURN_ASSIGN_OR_RETURN(const auto counts, cluster->PartitionCounts());
  const auto found = counts.find(topic);
  if (found == counts.end()) {
    return NotFound("Kafka: no topic " + topic + "; run sojourn kafka create-topics");
  }
  return found->second;
}

}  // namespace sojourn::kafka
