// A schema registry of Confluent's kind, asked over HTTP for the schemas that records name.
//
// A schema never changes under its id, so whoever asks keeps what came. Waits for the answer.
//
// Threads: one owner. Errors: kNotFound (the registry is sure that there is none), kInvalidArgument
// (its answer is no schema), kUnavailable (no answer, or none that says anything of the schema:
// wrong credentials, trouble of its own; later may be better). None shows the password.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace sojourn::kafka {

enum class SchemaType : uint8_t { kJson, kProtobuf, kOther };

// Another schema that a schema's text imports.
struct SchemaReference {
  std::string name;  // as the import says
  std::string subject;
  int32_t version = 0;
};

struct RegisteredSchema {
  SchemaType type = SchemaType::kOther;
  std::string type_name;  // as the registry says
  std::string text;
  std::vector<SchemaReference> references;
};

// Where it is. Given among the properties of librdkafka, under the names that serializers use.
struct SchemaRegistryOptions {
  std::string url;       // schema.registry.url: http or https, without a slash at its end
  std::string user;      // schema.registry.basic.auth.user.info: USER:PASSWORD
  std::string password;  // of it
  std::string ca_file;   // schema.registry.ssl.ca.location
};

bool IsSchemaRegistryProperty(std::string_view name);
// nullopt: none is named. kInvalidArgument: another name, no URL.
Result<std::optional<SchemaRegistryOptions>> SchemaRegistryOptionsOf(
    const std::map<std::string, std::string>& properties);

class SchemaRegistry {
 public:
  virtual ~SchemaRegistry() = default;
  virtual Result<RegisteredSchema> FindById(int32_t id) = 0;
  virtual Result<RegisteredSchema> FindVersion(const SchemaReference& reference) = 0;
};

std::unique_ptr<SchemaRegistry> MakeSchemaRegistry(const SchemaRegistryOptions& options);

// What a registry answers to either question.
Result<RegisteredSchema> ParseRegisteredSchema(std::string_view json);

}  // namespace sojourn::kafka
