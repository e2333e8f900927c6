#include "connectors/kafka/protobuf_schema.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/base/time.h"
#include "engine/model/json_writer.h"
#include "engine/model/value.h"

namespace sojourn::kafka {
namespace {

namespace pb = google::protobuf;
using model::JsonWriter;
using model::Value;

constexpr size_t kMaxCallBytes = size_t{1} << 20;  // as JSON
constexpr int kMaxDepth = 64;  // what is deeper is refused as too deeply nested later
constexpr std::string_view kSchemaName = "schema.proto";

// Counts mistakes; their texts could say what stands in the schema.
class Mistakes final : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(int, int, const std::string&) override { ++count_; }
  void AddError(const std::string&, const std::string&, const pb::Message*, ErrorLocation,
                const std::string&) override {
    ++count_;
  }
  int count() const { return count_; }

 private:
  int count_ = 0;
};

struct CallField {
  std::string_view name;    // in lower case, without underscores
  std::string_view member;  // of the call
};
constexpr std::array kCallFields = {
    CallField{"userid", "userId"},
    CallField{"customerid", "userId"},
    CallField{"anonymousid", "anonymousId"},
    CallField{"messageid", "messageId"},
    CallField{"eventid", "messageId"},
    CallField{"event", "event"},
    CallField{"eventname", "event"},
    CallField{"timestamp", "timestamp"},
    CallField{"type", "type"},
    CallField{"properties", "properties"},
    CallField{"traits", "traits"},
    CallField{"context", "context"},
};

std::string Plain(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != '_') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

// "" where it is none.
std::string_view MemberOf(const pb::FieldDescriptor& field) {
  const std::string plain = Plain(field.name());
  const auto* found = std::ranges::find(kCallFields, plain, &CallField::name);
  return found == kCallFields.end() ? std::string_view() : found->member;
}

// "OrderPlaced" -> "Order Placed"
std::string WordsOf(std::string_view name) {
  std::string words;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool upper = name[i] >= 'A' && name[i] <= 'Z';
    const bool after_lower = i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    if (upper && after_lower) words += ' ';
    words += name[i];
  }
  return words;
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (int k = 0; k < 4; ++k) {
      const bool there = i + static_cast<size_t>(k) <= bytes.size();
      text += there ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

// A message as JSON; recursion is bounded by kMaxDepth.
class MessageWriter {
 public:
  explicit MessageWriter(JsonWriter* json) : json_(json) {}

  bool ok() const { return ok_; }

  // Whether the field is to be written at all.
  static bool IsThere(const pb::Message& message, const pb::FieldDescriptor& field) {
    const pb::Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) return reflection.FieldSize(message, &field) > 0;
    return !field.has_presence() || reflection.HasField(message, &field);
  }

  void WriteField(const pb::Message& message, const pb::FieldDescriptor& field, int depth) {
    if (!field.is_repeated()) return WriteOne(message, field, -1, depth);
    const int count = message.GetReflection()->FieldSize(message, &field);
    if (field.is_map()) return WriteMap(message, field, count, depth);
    json_->BeginArray();
    for (int i = 0; i < count; ++i) WriteOne(message, field, i, depth);
    json_->EndArray();
  }

 private:
  void WriteMessage(const pb::Message& message, int depth) {
    // Fields without presence are written for each message, though nothing stands in the record.
    if (depth > kMaxDepth || json_->text().size() > kMaxCallBytes) {
      ok_ = false;
      return json_->Write(Value());
    }
    if (WriteKnown(message, depth)) return;
    json_->BeginObject();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const pb::FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (!IsThere(message, field)) continue;
      json_->Key(field.name());
      WriteField(message, field, depth + 1);
    }
    json_->EndObject();
  }

  // Google's own types that stand for something else.
  bool WriteKnown(const pb::Message& message, int depth) {
    const std::string& name = message.GetDescriptor()->full_name();
    constexpr std::string_view kPackage = "google.protobuf.";
    const bool is_linked =
        message.GetDescriptor()->file()->pool() == pb::DescriptorPool::generated_pool();
    if (!is_linked || !std::string_view(name).starts_with(kPackage)) return false;
    const std::string_view type = std::string_view(name).substr(kPackage.size());
    const auto field = [&](const char* field_name) -> const pb::FieldDescriptor* {
      return message.GetDescriptor()->FindFieldByName(field_name);
    };
    if (type == "Timestamp") {
      json_->Write(TimeOf(message, *field("seconds"), *field("nanos")));
    } else if (type == "Struct") {
      WriteField(message, *field("fields"), depth + 1);
    } else if (type == "ListValue") {
      WriteField(message, *field("values"), depth + 1);
    } else if (type == "Value") {
      WriteValue(message, depth);
    } else if (type.ends_with("Value")) {  // a wrapper
      WriteField(message, *field("value"), depth + 1);
    } else {
      return false;
    }
    return true;
  }

  void WriteValue(const pb::Message& message, int depth) {
    const pb::FieldDescriptor* kind = message.GetReflection()->GetOneofFieldDescriptor(
        message, message.GetDescriptor()->oneof_decl(0));
    if (kind == nullptr || kind->name() == "null_value") return json_->Write(Value());
    WriteField(message, *kind, depth + 1);
  }

  // Times outside the years that events have are null.
  Value TimeOf(const pb::Message& message, const pb::FieldDescriptor& seconds,
               const pb::FieldDescriptor& nanos) {
    constexpr int64_t kMostSeconds = 253'402'300'799;
    const int64_t whole = message.GetReflection()->GetInt64(message, &seconds);
    const int64_t part = message.GetReflection()->GetInt32(message, &nanos);
    if (whole < -62'135'596'800 || whole > kMostSeconds || part < 0 || part > 999'999'999) {
      return {};
    }
    return Value::Time(Timestamp(whole * 1000 + part / 1'000'000));
  }

  void WriteMap(const pb::Message& message, const pb::FieldDescriptor& field, int count,
                int depth) {
    const pb::FieldDescriptor& key = *field.message_type()->map_key();
    const pb::FieldDescriptor& value = *field.message_type()->map_value();
    json_->BeginObject();
    for (int i = 0; i < count; ++i) {
      const pb::Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
      json_->Key(KeyOf(entry, key));
      WriteOne(entry, value, -1, depth + 1);
    }
    json_->EndObject();
  }

  static std::string KeyOf(const pb::Message& entry, const pb::FieldDescriptor& key) {
    const pb::Reflection& reflection = *entry.GetReflection();
    switch (key.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return reflection.GetString(entry, &key);
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        return reflection.GetBool(entry, &key) ? "true" : "false";
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return std::to_string(reflection.GetInt32(entry, &key));
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return std::to_string(reflection.GetInt64(entry, &key));
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return std::to_string(reflection.GetUInt32(entry, &key));
      default:
        return std::to_string(reflection.GetUInt64(entry, &key));
    }
  }

  // `index`: of a repeated field; -1: it is not repeated.
  void WriteOne(const pb::Message& message, const pb::FieldDescriptor& field, int index,
                int depth) {
    const pb::Reflection& from = *message.GetReflection();
    const bool many = index >= 0;
    const auto integer = [this](uint64_t number) {
      json_->Write(number <= INT64_MAX ? Value::Int(static_cast<int64_t>(number))
                                       : Value::Double(static_cast<double>(number)));
    };
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        return json_->Write(Value::Bool(many ? from.GetRepeatedBool(message, &field, index)
                                             : from.GetBool(message, &field)));
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return json_->Write(Value::Int(many ? from.GetRepeatedInt32(message, &field, index)
                                            : from.GetInt32(message, &field)));
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return json_->Write(Value::Int(many ? from.GetRepeatedInt64(message, &field, index)
                                            : from.GetInt64(message, &field)));
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return integer(many ? from.GetRepeatedUInt32(message, &field, index)
                            : from.GetUInt32(message, &field));
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return integer(many ? from.GetRepeatedUInt64(message, &field, index)
                            : from.GetUInt64(message, &field));
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        return json_->Write(Value::Double(many ? from.GetRepeatedFloat(message, &field, index)
                                               : from.GetFloat(message, &field)));
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return json_->Write(Value::Double(many ? from.GetRepeatedDouble(message, &field, index)
                                               : from.GetDouble(message, &field)));
      case pb::FieldDescriptor::CPPTYPE_ENUM:
        return WriteEnum(many ? from.GetRepeatedEnumValue(message, &field, index)
                              : from.GetEnumValue(message, &field),
                         *field.enum_type());
      case pb::FieldDescriptor::CPPTYPE_STRING: {
        const std::string text =
            many ? from.GetRepeatedString(message, &field, index) : from.GetString(message, &field);
        const bool is_bytes = field.type() == pb::FieldDescriptor::TYPE_BYTES;
        return json_->Write(is_bytes ? std::string_view(Base64(text)) : std::string_view(text));
      }
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        return WriteMessage(many ? from.GetRepeatedMessage(message, &field, index)
                                 : from.GetMessage(message, &field),
                            depth + 1);
    }
  }

  void WriteEnum(int number, const pb::EnumDescriptor& type) {
    const pb::EnumValueDescriptor* value = type.FindValueByNumber(number);
    json_->Write(value == nullptr ? Value::Int(number) : Value::String(value->name()));
  }

  JsonWriter* const json_;
  bool ok_ = true;
};

bool IsEmptyText(const pb::Message& message, const pb::FieldDescriptor& field) {
  return !field.is_repeated() && field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING &&
         message.GetReflection()->GetString(message, &field).empty();
}

// Made after Segment's calls, not after what it tells.
bool IsCall(const pb::Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string_view member = MemberOf(*type.field(i));
    if (member == "properties" || member == "traits") return true;
  }
  return false;
}

// The call that a message stands for.
bool WriteCall(const pb::Message& message, JsonWriter* json) {
  MessageWriter writer(json);
  const pb::Descriptor& type = *message.GetDescriptor();
  std::vector<const pb::FieldDescriptor*> others;
  const bool is_call = IsCall(type);
  bool has_event = false;  // whether this message says what it is
  json->BeginObject();
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor& field = *type.field(i);
    const std::string_view member = MemberOf(field);
    const bool only_of_calls = member == "type" || member == "context";
    if (member.empty() || (only_of_calls && !is_call)) {
      others.push_back(&field);
      continue;
    }
    // An id that cannot say that it is absent is empty.
    if (!MessageWriter::IsThere(message, field) || IsEmptyText(message, field)) continue;
    has_event = has_event || member == "event" || member == "type";
    json->Key(member);
    writer.WriteField(message, field, 0);
  }
  if (!has_event) {
    json->Key("event");
    json->Write(WordsOf(type.name()));
  }
  if (!is_call) {
    json->Key("properties");
    json->BeginObject();
    for (const pb::FieldDescriptor* field : others) {
      if (!MessageWriter::IsThere(message, *field)) continue;
      json->Key(field->name());
      writer.WriteField(message, *field, 1);
    }
    json->EndObject();
  }
  json->EndObject();
  return writer.ok();
}

Status ParseSource(const ProtobufSource& source, pb::FileDescriptorProto* file) {
  pb::io::ArrayInputStream stream(source.text.data(), static_cast<int>(source.text.size()));
  Mistakes mistakes;
  pb::io::Tokenizer tokenizer(&stream, &mistakes);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&mistakes);
  const bool parsed = parser.Parse(&tokenizer, file) && mistakes.count() == 0;
  file->set_name(source.name.empty() ? std::string(kSchemaName) : source.name);
  return parsed ? Status::Ok() : InvalidArgument("its schema is no protobuf");
}

}  // namespace

class ProtobufSchema::Files {
 public:
  // Google's own files are there already; whoever names a type of theirs finds it linked in.
  Files() : pool_(pb::DescriptorPool::generated_pool()), factory_(&pool_) {
    for (const pb::Descriptor* type : {pb::Timestamp::descriptor(), pb::Duration::descriptor(),
                                       pb::Struct::descriptor(), pb::StringValue::descriptor()}) {
      (void)type;
    }
  }

  Status Add(const ProtobufSource& source) {
    if (IsLinked(source.name)) return Status::Ok();
    pb::FileDescriptorProto file;
    SOJOURN_RETURN_IF_ERROR(ParseSource(source, &file));
    Mistakes mistakes;
    last_ = pool_.BuildFileCollectingErrors(file, &mistakes);
    if (last_ != nullptr) return Status::Ok();
    return InvalidArgument("its schema cannot be put together; are its imports registered?");
  }

  Result<const pb::Descriptor*> Find(std::span<const int> indexes) const {
    const pb::Descriptor* type = nullptr;
    if (last_ == nullptr) return InvalidArgument("its schema has no message at that place");
    for (const int index : indexes) {
      const int count = type == nullptr ? last_->message_type_count() : type->nested_type_count();
      if (index >= count) return InvalidArgument("its schema has no message at that place");
      type = type == nullptr ? last_->message_type(index) : type->nested_type(index);
    }
    if (type == nullptr) return InvalidArgument("its schema has no message at that place");
    return type;
  }

  const pb::Message* Prototype(const pb::Descriptor* type) { return factory_.GetPrototype(type); }

 private:
  // Some registries have Google's own files, too.
  static bool IsLinked(const std::string& name) {
    return name.starts_with("google/protobuf/") &&
           pb::DescriptorPool::generated_pool()->FindFileByName(name) != nullptr;
  }

  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
  const pb::FileDescriptor* last_ = nullptr;
};

ProtobufSchema::ProtobufSchema(std::unique_ptr<Files> files) : files_(std::move(files)) {}
ProtobufSchema::~ProtobufSchema() = default;

Result<std::unique_ptr<ProtobufSchema>> ProtobufSchema::Compile(
    std::span<const ProtobufSource> sources) {
  auto files = std::make_unique<Files>();
  for (const ProtobufSource& source : sources) {
    SOJOURN_RETURN_IF_ERROR(files->Add(source));
  }
  return std::unique_ptr<ProtobufSchema>(new ProtobufSchema(std::move(files)));
}

Result<std::string> ProtobufSchema::NameOf(std::span<const int> indexes) const {
  SOJOURN_ASSIGN_OR_RETURN(const pb::Descriptor* type, files_->Find(indexes));
  return type->full_name();
}

Result<std::string> ProtobufSchema::ToCall(std::span<const int> indexes,
                                           std::string_view bytes) const {
  SOJOURN_ASSIGN_OR_RETURN(const pb::Descriptor* type, files_->Find(indexes));
  const std::unique_ptr<pb::Message> message(files_->Prototype(type)->New());
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return InvalidArgument("it is no message of its schema");
  }
  JsonWriter json;
  if (!WriteCall(*message, &json)) {
    return InvalidArgument("as JSON it is nested too deeply or too large");
  }
  return json.Take();
}

}  // namespace sojourn::kafka
