#include "engine/cli/coupons.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/backup.h"
#include "engine/cli/remote.h"
#include "engine/language/load.h"
#include "engine/model/person.h"
#include "engine/model/taken_codes.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {
namespace {

using language::CouponPool;
using language::PoolKind;
using nlohmann::json;

constexpr char kPath[] = "/-/coupons";
constexpr Duration kAnswerTimeout = Seconds(600);
constexpr char kHeader[] =
    "code,state,person,journey,step,path,allotted_at,expires_at,redeemed_at\n";

// What all partitions know of the pools.
struct Known {
  std::vector<PoolsOfPartition> partitions;
  std::map<std::string, std::vector<model::TakenCodes>> taken;  // by pool, then by partition
  std::map<std::string, std::set<uint64_t>> half_known;         // by pool: see DropRepeated
};

// A move to another number of partitions gives each of them the codes of which no more than the
// upper half is known: they count in the first that has them.
void DropRepeated(const std::string& pool, const std::vector<uint64_t>& codes, Known* known,
                  PoolsOfPartition* partition) {
  uint64_t repeated = 0;
  for (const uint64_t code : codes) {
    if (static_cast<uint32_t>(code) != 0) continue;
    if (!known->half_known[pool].insert(code).second) ++repeated;
  }
  for (store::PoolUse& use : partition->pools) {
    if (use.pool == pool) use.taken -= repeated;
  }
}

Result<Known> ReadKnown(Backend* backend) {
  Known known;
  const auto count = static_cast<size_t>(backend->partition_count());
  for (size_t p = 0; p < count; ++p) {
    SOJOURN_ASSIGN_OR_RETURN(PoolsOfPartition pools,
                             backend->ReadPools(Partition(static_cast<int32_t>(p))));
    for (auto& [pool, codes] : pools.taken) {
      DropRepeated(pool, codes, &known, &pools);
      known.taken[pool].resize(count);
      known.taken[pool][p] = model::TakenCodes(std::move(codes));
    }
    pools.taken.clear();
    known.partitions.push_back(std::move(pools));
  }
  return known;
}

size_t ShareOf(uint64_t hash, const Known& known) {
  return static_cast<uint32_t>(hash) % known.partitions.size();
}

bool IsTaken(uint64_t hash, const std::vector<model::TakenCodes>& taken, const Known& known) {
  return !taken.empty() && taken[ShareOf(hash, known)].Has(hash);
}

const store::PoolUse* FindUse(const PoolsOfPartition& partition, const std::string& pool) {
  const auto found = std::ranges::find(partition.pools, pool, &store::PoolUse::pool);
  return found == partition.pools.end() ? nullptr : &*found;
}

struct Numbers {
  uint64_t codes = 0;  // in the list
  uint64_t allotted = 0;
  uint64_t remaining = 0;  // of the list
  uint64_t redeemed = 0;
  uint64_t expired = 0;  // redeemed too late
  double total = 0;

  void Add(const model::CouponSource& source) {
    allotted += source.allotted;
    redeemed += source.redeemed;
    expired += source.expired;
    total += source.total;
  }
  json ToJson(bool list) const {
    json out = {{"allotted", allotted},
                {"redeemed", redeemed},
                {"redeemed_expired", expired},
                {"redeemed_total", total}};
    if (list) {
      out["codes"] = codes;
      out["remaining"] = remaining;
    }
    return out;
  }
};

// Listed codes are counted by what is remembered of them: earlier versions did not count by
// journey, and a move to another number of partitions leaves those counts in one place.
Numbers OfPartition(const store::PoolUse* use) {
  Numbers numbers;
  if (use == nullptr) return numbers;
  for (const model::CouponSource& source : use->sources) numbers.Add(source);
  if (use->taken > 0) numbers.allotted = use->taken;
  return numbers;
}

json SourcesJson(const std::string& pool, const Known& known) {
  std::map<std::pair<std::string, std::string>, Numbers> sources;
  for (const PoolsOfPartition& partition : known.partitions) {
    const store::PoolUse* use = FindUse(partition, pool);
    if (use == nullptr) continue;
    for (const model::CouponSource& source : use->sources) {
      sources[{source.journey, source.path}].Add(source);
    }
  }
  json list = json::array();
  for (const auto& [name, numbers] : sources) {
    json source = numbers.ToJson(false);
    source["journey"] = name.first;
    if (!name.second.empty()) source["path"] = name.second;
    list.push_back(std::move(source));
  }
  return list;
}

// `pool` null: no file has it any more.
json PoolJson(const std::string& name, const CouponPool* pool, const Known& known) {
  const bool list = pool != nullptr && pool->kind == PoolKind::kCodes;
  std::vector<Numbers> partitions;
  for (const PoolsOfPartition& partition : known.partitions) {
    partitions.push_back(OfPartition(FindUse(partition, name)));
  }
  if (list) {
    const auto taken = known.taken.find(name);
    for (const uint64_t hash : pool->hashes) {
      Numbers& share = partitions[ShareOf(hash, known)];
      ++share.codes;
      if (taken == known.taken.end() || !IsTaken(hash, taken->second, known)) ++share.remaining;
    }
  }
  Numbers sum;
  json by_partition = json::array();
  for (const Numbers& numbers : partitions) {
    sum.codes += numbers.codes;
    sum.allotted += numbers.allotted;
    sum.remaining += numbers.remaining;
    sum.redeemed += numbers.redeemed;
    sum.expired += numbers.expired;
    sum.total += numbers.total;
    by_partition.push_back(numbers.ToJson(list));
  }
  json out = sum.ToJson(list);
  out["pool"] = name;
  out["kind"] = pool == nullptr ? "removed" : std::string(language::PoolKindName(pool->kind));
  if (pool != nullptr && pool->low_at > 0) out["low_at"] = pool->low_at;
  if (pool != nullptr && pool->expires_at != Timestamp::Max()) {
    out["expires_at"] = FormatRfc3339(pool->expires_at);
  }
  out["partitions"] = std::move(by_partition);
  out["sources"] = SourcesJson(name, known);
  return out;
}

// ---- codes -------------------------------------------------------------------------------------

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string TimeField(Timestamp time) {
  return time == Timestamp::Max() ? std::string() : FormatRfc3339(time);
}

// By code, who has it.
using Holders = std::multimap<std::string, std::string>;  // to the rest of the row

std::string RowOf(const std::string& person, const model::HeldCoupon& held) {
  const bool redeemed = held.redeemed_at != Timestamp::Max();
  return fmt::format("{},{},{},{},{},{},{},{}", redeemed ? "redeemed" : "allotted",
                     CsvField(person), CsvField(held.journey), CsvField(held.step),
                     CsvField(held.path), TimeField(held.allotted_at), TimeField(held.expires_at),
                     TimeField(held.redeemed_at));
}

// What a person holds of the pool: codes and rows.
using Held = std::vector<std::pair<std::string, std::string>>;

Result<Held> HeldOf(std::string_view id, std::string_view record, const std::string& pool) {
  Held held;
  if (record.empty()) return held;
  model::Person person;
  SOJOURN_RETURN_IF_ERROR(store::DecodePerson(record, &person));
  for (const model::HeldCoupon& coupon : person.coupons) {
    if (coupon.pool != pool) continue;
    held.emplace_back(std::string(coupon.code), RowOf(std::string(id), coupon));
  }
  return held;
}

Result<Holders> ReadHolders(const std::string& pool, Backend* backend) {
  Holders holders;
  // A log may show a person several times, the newest record last.
  std::unordered_map<std::string, Held> newest;
  SOJOURN_RETURN_IF_ERROR(
      backend->ScanPersons([&](std::string_view id, std::string_view record) -> Status {
        SOJOURN_ASSIGN_OR_RETURN(Held held, HeldOf(id, record, pool));
        if (backend->ShowsPersonsOnce()) {
          holders.insert(held.begin(), held.end());
        } else if (held.empty()) {
          newest.erase(std::string(id));
        } else {
          newest[std::string(id)] = std::move(held);
        }
        return Status::Ok();
      }));
  for (const auto& [id, held] : newest) holders.insert(held.begin(), held.end());
  return holders;
}

// Codes of the list in its order; those that are not in it any more, but that people have, last.
std::string ListRows(const CouponPool& pool, const Known& known, Holders holders,
                     ExportFormat format) {
  std::string text;
  const auto taken = known.taken.find(pool.name);
  for (size_t i = 0; i < pool.codes.size(); ++i) {
    const std::string& code = pool.codes[i];
    const auto [first, last] = holders.equal_range(code);
    if (format == ExportFormat::kCodes) {
      text += code + "\n";
    } else if (first == last) {
      const bool given =
          taken != known.taken.end() && IsTaken(pool.hashes[i], taken->second, known);
      text += fmt::format("{},{},,,,,,,\n", CsvField(code), given ? "allotted" : "available");
    }
    for (auto at = first; format == ExportFormat::kAll && at != last; ++at) {
      text += fmt::format("{},{}\n", CsvField(code), at->second);
    }
    holders.erase(first, last);
  }
  for (const auto& [code, row] : holders) {
    text +=
        format == ExportFormat::kCodes ? code + "\n" : fmt::format("{},{}\n", CsvField(code), row);
  }
  return text;
}

std::string HeldRows(const Holders& holders, ExportFormat format) {
  std::string text;
  std::string_view before;
  for (const auto& [code, row] : holders) {
    if (format == ExportFormat::kAll) text += fmt::format("{},{}\n", CsvField(code), row);
    if (format == ExportFormat::kCodes && code != before) text += code + "\n";
    before = code;
  }
  return text;
}

}  // namespace

Result<std::string> ReportCoupons(const language::Bundle& rules, Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(const Known known, ReadKnown(backend));
  std::set<std::string> names;
  for (const auto& pool : rules.pools) names.insert(pool->name);
  for (const PoolsOfPartition& partition : known.partitions) {
    for (const store::PoolUse& use : partition.pools) names.insert(use.pool);
  }
  json pools = json::array();
  for (const std::string& name : names) {
    pools.push_back(PoolJson(name, rules.FindPool(name), known));
  }
  SOJOURN_ASSIGN_OR_RETURN(const bool held, AreListsHeld(backend));
  return DumpJson(json{{"pools", std::move(pools)}, {"lists_held", held}}) + "\n";
}

Result<std::vector<ListStand>> FindLists(Backend* backend) {
  std::vector<ListStand> lists;
  const auto rules = NewestRules(backend);
  if (rules.status().code() == StatusCode::kFailedPrecondition) return lists;
  SOJOURN_RETURN_IF_ERROR(rules.status());
  SOJOURN_ASSIGN_OR_RETURN(const Known known, ReadKnown(backend));
  for (const auto& pool : (*rules)->pools) {
    if (pool->kind != PoolKind::kCodes) continue;
    const json stand = PoolJson(pool->name, pool.get(), known);
    lists.push_back(
        {pool->name, stand.value("codes", uint64_t{0}), stand.value("remaining", uint64_t{0})});
  }
  return lists;
}

Result<std::string> ExportCoupons(const language::Bundle& rules, const std::string& name,
                                  ExportFormat format, Backend* backend) {
  const CouponPool* pool = rules.FindPool(name);
  SOJOURN_ASSIGN_OR_RETURN(Holders holders, ReadHolders(name, backend));
  if (pool == nullptr && holders.empty()) {
    return NotFound(fmt::format("the rules have no coupon pool \"{}\"", name));
  }
  std::string text = format == ExportFormat::kAll ? kHeader : "";
  if (pool != nullptr && pool->kind == PoolKind::kCodes) {
    SOJOURN_ASSIGN_OR_RETURN(const Known known, ReadKnown(backend));
    return text + ListRows(*pool, known, std::move(holders), format);
  }
  const bool is_static = pool != nullptr && pool->kind == PoolKind::kStatic;
  if (is_static && format == ExportFormat::kCodes) return pool->codes.front() + "\n";
  if (is_static && holders.empty()) {
    return text + fmt::format("{},available,,,,,,,\n", CsvField(pool->codes.front()));
  }
  return text + HeldRows(holders, format);
}

Result<std::shared_ptr<const language::Bundle>> NewestRules(Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(const auto stored, backend->bundles()->ReadAll());
  if (stored.empty()) return FailedPrecondition("no rules were ever loaded: start sojourn run");
  const language::LoadResult loaded = language::LoadBundle(stored.back().files);
  if (loaded.bundle == nullptr) {
    return FailedPrecondition("the rules in force do not check with this version");
  }
  return loaded.bundle;
}

// ---- the conversation --------------------------------------------------------------------------

Result<std::string> AskForCoupons(const http::Instance& instance) {
  return AskInstance(instance, "GET", kPath, "", kAnswerTimeout);
}

Result<std::string> AskForExport(const http::Instance& instance, const std::string& pool,
                                 ExportFormat format) {
  return AskInstance(instance, "GET",
                     fmt::format("{}?export={}{}", kPath, http::EncodeQueryText(pool),
                                 format == ExportFormat::kCodes ? "&format=codes" : ""),
                     "", kAnswerTimeout);
}

http::Response HandleCoupons(const language::Bundle& rules, Backend* backend,
                             const http::Request& request) {
  const auto pool = request.Query("export");
  const auto answer = pool ? ExportCoupons(rules, std::string(*pool),
                                           request.Query("format") == "codes" ? ExportFormat::kCodes
                                                                              : ExportFormat::kAll,
                                           backend)
                           : ReportCoupons(rules, backend);
  if (!answer.ok()) return http::ToResponse(answer.status());
  return {.body = *answer, .content_type = pool ? "text/csv" : "application/json"};
}

}  // namespace sojourn::cli
