#include "connectors/kafka/client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "connectors/kafka/error.h"
#include "connectors/kafka/schema_registry.h"

namespace sojourn::kafka {
namespace {

struct ConfDeleter {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, ConfDeleter>;

Status SetProperty(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char error[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) ==
      RD_KAFKA_CONF_OK) {
    return Status::Ok();
  }
  return InvalidArgument(fmt::format("kafka.properties: {}: {}", name, error));
}

Status SetProperties(rd_kafka_conf_t* conf, const Properties& properties) {
  for (const auto& [name, value] : properties) {
    SOJOURN_RETURN_IF_ERROR(SetProperty(conf, name, value));
  }
  return Status::Ok();
}

LogLevel LevelOf(int syslog_level) {
  constexpr int kSyslogError = 3;
  constexpr int kSyslogWarning = 4;
  constexpr int kSyslogInfo = 6;
  if (syslog_level <= kSyslogError) return LogLevel::kError;
  if (syslog_level <= kSyslogWarning) return LogLevel::kWarning;
  return syslog_level <= kSyslogInfo ? LogLevel::kInfo : LogLevel::kDebug;
}

}  // namespace

PartitionListPtr NewPartitionList(int capacity) {
  return PartitionListPtr(rd_kafka_topic_partition_list_new(capacity));
}

Status CheckPropertyNames(const std::map<std::string, std::string>& properties) {
  SOJOURN_RETURN_IF_ERROR(SchemaRegistryOptionsOf(properties).status());
  const ConfPtr conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    if (IsSchemaRegistryProperty(name)) continue;
    SOJOURN_RETURN_IF_ERROR(SetProperty(conf.get(), name, value));
  }
  return Status::Ok();
}

int TimeoutMilliseconds(Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(duration.milliseconds(), 0, Days(1).milliseconds()));
}

Client::Client(std::string role, const ClientCallbacks& callbacks, KafkaObserver* observer)
    : role_(std::move(role)), callbacks_(callbacks), observer_(observer) {}

Result<std::unique_ptr<Client>> Client::Open(rd_kafka_type_t type, std::string role,
                                             const KafkaConfig& config, const Properties& own,
                                             const Properties& defaults,
                                             const ClientCallbacks& callbacks,
                                             KafkaObserver* observer) {
  std::unique_ptr<Client> client(new Client(std::move(role), callbacks, observer));
  client->type_ = type;
  ConfPtr conf(rd_kafka_conf_new());
  SOJOURN_RETURN_IF_ERROR(SetProperties(conf.get(), defaults));
  for (const auto& [name, value] : config.properties) {
    if (IsSchemaRegistryProperty(name)) continue;  // of the router's
    SOJOURN_RETURN_IF_ERROR(SetProperty(conf.get(), name, value));
  }
  SOJOURN_RETURN_IF_ERROR(SetProperties(conf.get(), own));
  SOJOURN_RETURN_IF_ERROR(SetProperty(conf.get(), "bootstrap.servers", config.bootstrap_servers));
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), &Client::OnLog);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  rd_kafka_conf_set_closesocket_cb(conf.get(), &Client::OnCloseSocket);
  if (callbacks.rebalance) rd_kafka_conf_set_rebalance_cb(conf.get(), &Client::OnRebalance);
  if (callbacks.delivery_report) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), &Client::OnDeliveryReport);
  }
  char error[512];
  client->handle_ = rd_kafka_new(type, conf.get(), error, sizeof error);
  if (!client->handle_) return InvalidArgument(fmt::format("kafka.properties: {}", error));
  (void)conf.release();  // The handle owns it now.
  if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client->handle_);
  return client;
}

Client::~Client() {
  if (!handle_) return;
  if (type_ == RD_KAFKA_CONSUMER) {
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return;
  }
  // What is still queued belongs to an interval whose fate is decided elsewhere.
  rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(handle_);
}

std::string Client::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

Status Client::FatalError() const {
  char text[512];
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(handle_, text, sizeof text);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Status::Ok();
  return StatusOf(code, fmt::format("the {} cannot go on", role_), text);
}

void Client::OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  auto* client = static_cast<Client*>(rd_kafka_opaque(handle));
  // The operator's properties go to every client; that some do not concern this one is no news.
  if (std::string_view(facility) == "CONFWARN") return;
  client->observer_->OnLog(LevelOf(level), client->role_, fmt::format("{}: {}", facility, text));
}

void Client::OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto* client = static_cast<Client*>(opaque);
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  {
    const std::lock_guard lock(client->mutex_);
    // "All brokers down" follows the reason and says less.
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) client->last_error_ = reason;
  }
  client->observer_->OnLog(LogLevel::kWarning, client->role_,
                           fmt::format("{}: {}", rd_kafka_err2name(error), reason));
}

// Of losses with the same words within half a minute the library reports only the first.
int Client::OnCloseSocket(int socket, void* opaque) {
  ++static_cast<Client*>(opaque)->disconnects_;
  return close(socket);
}

void Client::OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  const ClientCallbacks& callbacks = static_cast<Client*>(opaque)->callbacks_;
  callbacks.rebalance(handle, code, partitions, callbacks.opaque);
}

void Client::OnDeliveryReport(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque) {
  const ClientCallbacks& callbacks = static_cast<Client*>(opaque)->callbacks_;
  callbacks.delivery_report(handle, message, callbacks.opaque);
}

}  // namespace sojourn::kafka
