#include "engine/cli/persons.h"

#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

constexpr char kPath[] = "/-/person";
constexpr Duration kAnswerTimeout = Seconds(60);

}  // namespace

Result<std::optional<std::string>> AskForPerson(const http::Instance& instance,
                                                const std::string& id) {
  SOJOURN_ASSIGN_OR_RETURN(
      std::string record,
      AskInstance(instance, "GET", std::string(kPath) + "?id=" + http::EncodeQueryText(id), "",
                  kAnswerTimeout));
  if (record.empty()) return std::optional<std::string>();
  return std::optional(std::move(record));
}

http::Response HandlePerson(Backend* backend, const http::Request& request) {
  const auto record =
      backend->ReadPerson(std::string(request.Query("id").value_or("")), kPersonPatience);
  if (!record.ok()) return http::ToResponse(record.status());
  return {.body = record->value_or(""), .content_type = "application/octet-stream"};
}

}  // namespace sojourn::cli
