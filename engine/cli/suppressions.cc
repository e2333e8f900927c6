#include "engine/cli/suppressions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/json_text.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

using deliver::AddressHash;
using deliver::Suppression;

constexpr char kPath[] = "/-/suppressions";
constexpr Duration kAnswerTimeout = Seconds(60);
constexpr size_t kEntriesPerPage = 10'000;

std::string HexOf(const AddressHash& hash) { return Hex(hash.data(), hash.size()); }

// Lines as FormatSuppression writes them; nullopt where one is none.
std::optional<std::vector<Suppression>> ParseLines(std::string_view text) {
  std::vector<Suppression> entries;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t first = line.find(',');
    const size_t second = line.find(',', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
    const auto entry = deliver::ParseSuppression(
        line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1));
    if (!entry) return std::nullopt;
    entries.push_back(*entry);
  }
  return entries;
}

// The next hash behind it; nullopt: it is the last of all.
std::optional<AddressHash> Behind(AddressHash hash) {
  for (auto byte = hash.rbegin(); byte != hash.rend(); ++byte) {
    if (++*byte != 0) return hash;
  }
  return std::nullopt;
}

class RemoteSuppressions final : public deliver::SuppressionList {
 public:
  explicit RemoteSuppressions(http::Instance instance) : instance_(std::move(instance)) {}

  Result<std::optional<Suppression>> Find(const AddressHash& hash) override {
    SOJOURN_ASSIGN_OR_RETURN(const auto entries, Read("hash=" + HexOf(hash)));
    return entries.empty() ? std::nullopt : std::optional(entries.front());
  }

  Result<size_t> Add(std::span<const Suppression> entries) override {
    std::string lines;
    for (const Suppression& entry : entries) lines += deliver::FormatSuppression(entry) + "\n";
    SOJOURN_ASSIGN_OR_RETURN(const auto json, Post(kPath, lines));
    return json.value("added", size_t{0});
  }

  Result<bool> Remove(const AddressHash& hash) override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json,
                             Post(fmt::format("{}?remove={}", kPath, HexOf(hash)), ""));
    return json.value("removed", false);
  }

  Status ForEach(const AddressHash& from, const Visitor& visit) override {
    for (std::optional<AddressHash> next = from; next.has_value();) {
      SOJOURN_ASSIGN_OR_RETURN(const auto entries, Read("from=" + HexOf(*next)));
      for (const Suppression& entry : entries) {
        if (!visit(entry)) return Status::Ok();
      }
      if (entries.empty()) return Status::Ok();
      next = Behind(entries.back().hash);
    }
    return Status::Ok();
  }

 private:
  Result<std::vector<Suppression>> Read(const std::string& query) {
    SOJOURN_ASSIGN_OR_RETURN(
        const std::string body,
        AskInstance(instance_, "GET", fmt::format("{}?{}", kPath, query), "", kAnswerTimeout));
    auto entries = ParseLines(body);
    if (!entries) return Unavailable("the running process is of another version");
    return *std::move(entries);
  }

  Result<nlohmann::json> Post(const std::string& target, const std::string& body) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string answer,
                             AskInstance(instance_, "POST", target, body, kAnswerTimeout));
    auto json = ParseJson(answer);
    if (!json.is_object()) return Unavailable("the running process is of another version");
    return json;
  }

  const http::Instance instance_;
};

http::Response ReadPage(deliver::SuppressionList* list, const AddressHash& from) {
  http::Response response{.content_type = "text/csv"};
  size_t count = 0;
  const Status read = list->ForEach(from, [&](const Suppression& entry) {
    response.body += deliver::FormatSuppression(entry) + "\n";
    return ++count < kEntriesPerPage;
  });
  return read.ok() ? response : http::ToResponse(read);
}

http::Response ReadOne(deliver::SuppressionList* list, const AddressHash& hash) {
  const auto entry = list->Find(hash);
  if (!entry.ok()) return http::ToResponse(entry.status());
  http::Response response{.content_type = "text/csv"};
  if (entry->has_value()) response.body = deliver::FormatSuppression(**entry) + "\n";
  return response;
}

http::Response Remove(deliver::SuppressionList* list, const AddressHash& hash) {
  const auto removed = list->Remove(hash);
  if (!removed.ok()) return http::ToResponse(removed.status());
  return {.body = DumpJson(nlohmann::json{{"removed", *removed}}) + "\n"};
}

http::Response Add(deliver::SuppressionList* list, std::string_view lines) {
  const auto entries = ParseLines(lines);
  if (!entries) return http::ErrorResponse(400, "no lines of a suppression list");
  const auto added = list->Add(*entries);
  if (!added.ok()) return http::ToResponse(added.status());
  return {.body = DumpJson(nlohmann::json{{"added", *added}}) + "\n"};
}

}  // namespace

std::unique_ptr<deliver::SuppressionList> MakeRemoteSuppressions(const http::Instance& instance) {
  return std::make_unique<RemoteSuppressions>(instance);
}

http::Response HandleSuppressions(deliver::SuppressionList* list, const http::Request& request) {
  const bool reads = request.method == "GET";
  using Operation = http::Response (*)(deliver::SuppressionList*, const AddressHash&);
  const auto operate = [&](std::string_view name, Operation operation) {
    const auto hash = deliver::ParseAddressHash(request.Query(name).value_or(""));
    return hash ? operation(list, *hash) : http::ErrorResponse(400, "no hash of an address");
  };
  if (reads) return request.Query("hash") ? operate("hash", ReadOne) : operate("from", ReadPage);
  return request.Query("remove") ? operate("remove", Remove) : Add(list, request.body);
}

}  // namespace sojourn::cli
