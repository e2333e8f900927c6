#include "connectors/kafka/framed_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kIdBytes = 4;
constexpr size_t kMaxIndexes = 32;  // messages inside messages
constexpr int kMaxImportDepth = 32;
constexpr size_t kMaxSources = 256;
constexpr std::string_view kOwnMessage = "sojourn.v1.Event";
// Of several registries one may not have heard of a schema yet.
constexpr size_t kMaxMissing = 10'000;

// A varint, zigzag-coded; nullopt: none, or beyond an int.
std::optional<int> TakeNumber(std::string_view* bytes) {
  uint64_t bits = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (bytes->empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    bits |= uint64_t{byte & 0x7fu} << shift;
    if (byte >= 0x80) continue;
    if ((bits & 1) != 0 || bits >> 1 > INT32_MAX) return std::nullopt;  // negative, or too large
    return static_cast<int>(bits >> 1);
  }
  return std::nullopt;
}

}  // namespace

bool IsFramed(std::string_view value) { return value.starts_with('\0'); }

std::optional<Frame> ReadFrame(std::string_view value) {
  if (!IsFramed(value) || value.size() < 1 + kIdBytes) return std::nullopt;
  uint32_t id = 0;
  for (const char c : value.substr(1, kIdBytes)) id = id << 8 | static_cast<unsigned char>(c);
  return Frame{static_cast<int32_t>(id), value.substr(1 + kIdBytes)};
}

std::optional<std::vector<int>> TakeMessageIndexes(std::string_view* message) {
  const auto count = TakeNumber(message);
  if (!count || static_cast<size_t>(*count) > kMaxIndexes) return std::nullopt;
  if (*count == 0) return std::vector<int>{0};  // short for the first one
  std::vector<int> indexes;
  for (int i = 0; i < *count; ++i) {
    const auto index = TakeNumber(message);
    if (!index) return std::nullopt;
    indexes.push_back(*index);
  }
  return indexes;
}

Result<model::Event> FramedDecoder::Decode(std::string_view value, Timestamp log_time,
                                           Arena* arena) {
  const auto frame = ReadFrame(value);
  if (!frame) return InvalidArgument("it ends inside the frame of a schema registry");
  SOJOURN_ASSIGN_OR_RETURN(const Known* known, Find(frame->schema_id));
  SOJOURN_RETURN_IF_ERROR(known->refusal);
  if (known->type == SchemaType::kJson) {
    return decoder_.Decode(model::EventFormat::kJson, frame->message, log_time, arena);
  }
  return DecodeProtobuf(*known->protobuf, frame->message, log_time, arena);
}

Result<model::Event> FramedDecoder::DecodeProtobuf(const ProtobufSchema& schema,
                                                   std::string_view message, Timestamp log_time,
                                                   Arena* arena) {
  const auto indexes = TakeMessageIndexes(&message);
  if (!indexes) return InvalidArgument("its frame does not say which message of the schema it is");
  SOJOURN_ASSIGN_OR_RETURN(const std::string name, schema.NameOf(*indexes));
  if (name == kOwnMessage) {
    return decoder_.Decode(model::EventFormat::kProtobuf, message, log_time, arena);
  }
  if (message.size() > kMaxEventBytes) {
    return InvalidArgument(fmt::format("over {} bytes", kMaxEventBytes));
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string call, schema.ToCall(*indexes, message));
  SOJOURN_ASSIGN_OR_RETURN(const model::Value read,
                           json_.Read(call, model::kMaxCallNesting, arena));
  return model::EventFromCall(read, "", log_time, arena);
}

Result<const FramedDecoder::Known*> FramedDecoder::Find(int32_t id) {
  if (registry_ == nullptr) {
    return InvalidArgument(
        "it is in the frame of a schema registry, and kafka.properties name no "
        "schema.registry.url");
  }
  if (const auto found = known_.find(id); found != known_.end()) return &found->second;
  const Status missing = InvalidArgument(
      fmt::format("the schema registry has no schema {}, or not all that it imports", id));
  const auto absent = missing_.find(id);
  if (absent != missing_.end() && SteadyClock::now() < absent->second) return missing;
  // A registry that lags behind may have it, or an import, a moment later.
  const auto note_missing = [&] {
    if (missing_.size() >= kMaxMissing) missing_.clear();
    missing_[id] = SteadyClock::now() + missing_for_;
    return missing;
  };
  const auto schema = registry_->FindById(id);
  if (schema.status().code() == StatusCode::kNotFound) return note_missing();
  if (!schema.ok()) return schema.status();
  Known known;
  known.type = schema->type;
  known.refusal = Compile(*schema, &known);
  if (known.refusal.code() == StatusCode::kNotFound) return note_missing();
  if (known.refusal.code() == StatusCode::kUnavailable) return known.refusal;
  missing_.erase(id);
  return &known_.insert_or_assign(id, std::move(known)).first->second;
}

Status FramedDecoder::Compile(const RegisteredSchema& schema, Known* known) {
  if (schema.type == SchemaType::kJson) return Status::Ok();
  if (schema.type == SchemaType::kOther) {
    return InvalidArgument(fmt::format("its schema is {}; JSON and PROTOBUF are taken",
                                       schema.type_name.substr(0, 20)));
  }
  std::vector<ProtobufSource> sources;
  SOJOURN_RETURN_IF_ERROR(Collect(schema, 0, &sources));
  sources.push_back({"", schema.text});
  SOJOURN_ASSIGN_OR_RETURN(known->protobuf, ProtobufSchema::Compile(sources));
  return Status::Ok();
}

Status FramedDecoder::Collect(const RegisteredSchema& schema, int depth,
                              std::vector<ProtobufSource>* sources) {
  if (depth > kMaxImportDepth) return InvalidArgument("its schema imports too deeply");
  for (const SchemaReference& reference : schema.references) {
    if (std::ranges::find(*sources, reference.name, &ProtobufSource::name) != sources->end()) {
      continue;
    }
    const auto imported = registry_->FindVersion(reference);
    if (!imported.ok()) return imported.status();
    SOJOURN_RETURN_IF_ERROR(Collect(*imported, depth + 1, sources));
    sources->push_back({reference.name, imported->text});
    if (sources->size() > kMaxSources) return InvalidArgument("its schema imports too many");
  }
  return Status::Ok();
}

}  // namespace sojourn::kafka
