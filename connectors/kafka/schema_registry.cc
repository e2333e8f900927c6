#include "connectors/kafka/schema_registry.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/arena.h"
#include "engine/base/check.h"
#include "engine/model/json_reader.h"

namespace sojourn::kafka {
namespace {

using model::Value;
using model::ValueKind;

constexpr std::string_view kPrefix = "schema.registry.";
constexpr long kConnectMilliseconds = 2'000;
// Well below what a transaction may take.
constexpr long kAnswerMilliseconds = 4'000;
constexpr size_t kMaxAnswerBytes = size_t{4} << 20;
constexpr int kMaxAnswerNesting = 8;

size_t Append(char* bytes, size_t, size_t count, void* text) {
  auto* const answer = static_cast<std::string*>(text);
  if (answer->size() + count > kMaxAnswerBytes) return 0;
  answer->append(bytes, count);
  return count;
}

std::string TextOf(const Value& map, std::string_view name) {
  const Value* value = map.Find(name);
  const bool is_text = value != nullptr && value->kind() == ValueKind::kString;
  return is_text ? std::string(value->text()) : std::string();
}

SchemaType TypeOf(std::string_view name) {
  if (name == "JSON") return SchemaType::kJson;
  return name == "PROTOBUF" ? SchemaType::kProtobuf : SchemaType::kOther;
}

// 40401 to 40403: no such subject, version or schema. Any other 404 is somebody else's.
bool SaysThatThereIsNone(std::string_view json) {
  Arena arena;
  model::JsonReader reader;
  const auto map = reader.Read(json, kMaxAnswerNesting, &arena);
  const Value* code = map.ok() ? map->Find("error_code") : nullptr;
  if (code == nullptr || code->kind() != ValueKind::kInt) return false;
  return code->int_value() >= 40401 && code->int_value() <= 40403;
}

class HttpSchemaRegistry final : public SchemaRegistry {
 public:
  explicit HttpSchemaRegistry(const SchemaRegistryOptions& options)
      : options_(options), curl_(curl_easy_init(), curl_easy_cleanup) {
    SOJOURN_CHECK(curl_ != nullptr);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_PROXY, "");  // not what the environment may say
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_CONNECTTIMEOUT_MS, kConnectMilliseconds);
    Set(CURLOPT_TIMEOUT_MS, kAnswerMilliseconds);
    Set(CURLOPT_WRITEFUNCTION, &Append);
    if (!options_.ca_file.empty()) Set(CURLOPT_CAINFO, options_.ca_file.c_str());
    if (options_.user.empty()) return;
    Set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    Set(CURLOPT_USERNAME, options_.user.c_str());
    Set(CURLOPT_PASSWORD, options_.password.c_str());
  }

  Result<RegisteredSchema> FindById(int32_t id) override {
    return Ask(fmt::format("/schemas/ids/{}", id));
  }

  Result<RegisteredSchema> FindVersion(const SchemaReference& reference) override {
    const std::unique_ptr<char, decltype(&curl_free)> subject(
        curl_easy_escape(curl_.get(), reference.subject.c_str(),
                         static_cast<int>(reference.subject.size())),
        curl_free);
    if (subject == nullptr) return InvalidArgument("a subject of the registry cannot be asked for");
    return Ask(fmt::format("/subjects/{}/versions/{}", subject.get(), reference.version));
  }

 private:
  template <typename Setting>
  void Set(CURLoption option, Setting value) {
    SOJOURN_CHECK(curl_easy_setopt(curl_.get(), option, value) == CURLE_OK);
  }

  Result<RegisteredSchema> Ask(const std::string& path) {
    const std::string url = options_.url + path;
    std::string answer;
    Set(CURLOPT_URL, url.c_str());
    Set(CURLOPT_WRITEDATA, &answer);
    const CURLcode code = curl_easy_perform(curl_.get());
    if (code != CURLE_OK) {
      return Unavailable(fmt::format("the schema registry {} does not answer: {}", options_.url,
                                     curl_easy_strerror(code)));
    }
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
      auto schema = ParseRegisteredSchema(answer);
      // A page of what stands before the registry says nothing about the schema.
      return schema.ok() ? std::move(schema) : Unavailable(schema.status().message());
    }
    if (status == 404 && SaysThatThereIsNone(answer)) {
      return NotFound("the schema registry has no such schema");
    }
    return Unavailable(fmt::format("the schema registry {} answers {}", options_.url, status));
  }

  const SchemaRegistryOptions options_;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
};

}  // namespace

bool IsSchemaRegistryProperty(std::string_view name) { return name.starts_with(kPrefix); }

Result<std::optional<SchemaRegistryOptions>> SchemaRegistryOptionsOf(
    const std::map<std::string, std::string>& properties) {
  SchemaRegistryOptions options;
  bool named = false;
  for (const auto& [name, value] : properties) {
    if (!IsSchemaRegistryProperty(name)) continue;
    named = true;
    const std::string_view rest = std::string_view(name).substr(kPrefix.size());
    if (rest == "url") {
      options.url = value;
    } else if (rest == "ssl.ca.location") {
      options.ca_file = value;
    } else if (rest == "basic.auth.user.info") {
      options.user = value.substr(0, value.find(':'));
      options.password = value.substr(std::min(value.size(), options.user.size() + 1));
    } else {
      return InvalidArgument(
          fmt::format("kafka.properties: {}: of a schema registry there are {}url, "
                      "{}basic.auth.user.info and {}ssl.ca.location",
                      name, kPrefix, kPrefix, kPrefix));
    }
  }
  if (!named) return std::optional<SchemaRegistryOptions>();
  while (options.url.ends_with('/')) options.url.pop_back();
  const bool is_url = options.url.starts_with("http://") || options.url.starts_with("https://");
  if (!is_url || options.url.find_first_of("@?# ") != std::string::npos) {
    return InvalidArgument(
        fmt::format("kafka.properties: {}url must be http://HOST:PORT or https://, without user "
                    "and password; these go to {}basic.auth.user.info",
                    kPrefix, kPrefix));
  }
  return std::optional(options);
}

Result<RegisteredSchema> ParseRegisteredSchema(std::string_view json) {
  Arena arena;
  model::JsonReader reader;
  const auto map = reader.Read(json, kMaxAnswerNesting, &arena);
  const Value* text = map.ok() ? map->Find("schema") : nullptr;
  if (text == nullptr || text->kind() != ValueKind::kString) {
    return InvalidArgument("the schema registry's answer is no schema");
  }
  RegisteredSchema schema;
  schema.text = text->text();
  schema.type_name = TextOf(*map, "schemaType");
  if (schema.type_name.empty()) schema.type_name = "AVRO";  // as registries leave it out
  schema.type = TypeOf(schema.type_name);
  const Value* references = map->Find("references");
  if (references == nullptr || references->kind() != ValueKind::kList) return schema;
  for (uint32_t i = 0; i < references->size(); ++i) {
    const Value& item = references->items()[i];
    if (item.kind() != ValueKind::kMap) continue;
    const Value* version = item.Find("version");
    const bool has_version = version != nullptr && version->kind() == ValueKind::kInt;
    schema.references.push_back({TextOf(item, "name"), TextOf(item, "subject"),
                                 has_version ? static_cast<int32_t>(version->int_value()) : 0});
  }
  return schema;
}

std::unique_ptr<SchemaRegistry> MakeSchemaRegistry(const SchemaRegistryOptions& options) {
  return std::make_unique<HttpSchemaRegistry>(options);
}

}  // namespace sojourn::kafka
