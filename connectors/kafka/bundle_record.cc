#include "connectors/kafka/bundle_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/base/hash.h"
#include "engine/store/bundle_pieces.h"

namespace sojourn::kafka {
namespace {

constexpr size_t kNumberBytes = 4;
constexpr size_t kKeyDigits = 10;
constexpr std::string_view kPiecePrefix = "piece/";

void AppendNumber(uint32_t number, std::string* bytes) {
  for (size_t i = 0; i < kNumberBytes; ++i) {
    bytes->push_back(static_cast<char>(number >> (8 * i) & 0xFF));
  }
}

// Takes a number off the front.
std::optional<uint32_t> TakeNumber(std::string_view* bytes) {
  if (bytes->size() < kNumberBytes) return std::nullopt;
  uint32_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number |= static_cast<uint32_t>(static_cast<uint8_t>((*bytes)[i])) << (8 * i);
  }
  bytes->remove_prefix(kNumberBytes);
  return number;
}

std::optional<std::string> TakeText(std::string_view* bytes) {
  const auto size = TakeNumber(bytes);
  if (!size || bytes->size() < *size) return std::nullopt;
  std::string text(bytes->substr(0, *size));
  bytes->remove_prefix(*size);
  return text;
}

std::optional<uint32_t> ParseDigits(std::string_view digits) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string PieceKey(std::string_view hash) { return std::string(kPiecePrefix) + Hex(hash); }

struct Key {
  uint32_t number = 0;
  uint32_t part = 0;
};

std::optional<Key> ParseKey(std::string_view key) {
  if (key.size() != 2 * kKeyDigits + 1 || key[kKeyDigits] != '/') return std::nullopt;
  const auto number = ParseDigits(key.substr(0, kKeyDigits));
  const auto part = ParseDigits(key.substr(kKeyDigits + 1));
  if (!number || !part) return std::nullopt;
  return Key{*number, *part};
}

struct Pieces {
  uint32_t expected = 0;
  std::map<uint32_t, std::string_view> parts;
};

Status NotReadable(uint32_t number) {
  return DataLoss(fmt::format("Kafka: rules bundle {} is not whole or not readable", number));
}

Result<runtime::StoredBundle> DecodeBundle(uint32_t number, const Pieces& pieces) {
  if (pieces.parts.size() != pieces.expected) return NotReadable(number);
  std::string whole;
  for (const auto& [part, bytes] : pieces.parts) whole.append(bytes);
  runtime::StoredBundle bundle;
  bundle.number = number;
  std::string_view rest = whole;
  while (!rest.empty()) {
    auto name = TakeText(&rest);
    auto content = name ? TakeText(&rest) : std::nullopt;
    if (!content) return NotReadable(number);
    bundle.files[*std::move(name)] = *std::move(content);
  }
  return bundle;
}

}  // namespace

bool IsPieceKey(std::string_view key) { return key.starts_with(kPiecePrefix); }

std::string BundleRecordKey(uint32_t number, size_t part) {
  return fmt::format("{:010}/{:010}", number, part);
}

std::vector<std::pair<std::string, std::string>> EncodeBundle(
    uint32_t number, const std::map<std::string, std::string>& files) {
  const store::CutFiles cut = store::CutLargeFiles(files);
  std::string whole;
  for (const auto& [name, content] : cut.files) {
    AppendNumber(static_cast<uint32_t>(name.size()), &whole);
    whole += name;
    AppendNumber(static_cast<uint32_t>(content.size()), &whole);
    whole += content;
  }
  const size_t count =
      std::max<size_t>(1, (whole.size() + kBundlePieceBytes - 1) / kBundlePieceBytes);
  std::vector<std::pair<std::string, std::string>> records;
  for (const auto& [hash, piece] : cut.pieces) records.emplace_back(PieceKey(hash), piece);
  for (size_t part = 0; part < count; ++part) {
    std::string value;
    AppendNumber(static_cast<uint32_t>(count), &value);
    value += whole.substr(part * kBundlePieceBytes, kBundlePieceBytes);
    records.emplace_back(BundleRecordKey(number, part), std::move(value));
  }
  return records;
}

Result<std::vector<runtime::StoredBundle>> DecodeBundles(
    const std::map<std::string, std::string>& records) {
  std::map<uint32_t, Pieces> found;
  for (const auto& [text, value] : records) {
    if (IsPieceKey(text)) continue;
    const auto key = ParseKey(text);
    if (!key) return DataLoss("Kafka: the rules topic has a record that is no rules bundle");
    std::string_view piece = value;
    const auto expected = TakeNumber(&piece);
    if (!expected || key->part >= *expected) return NotReadable(key->number);
    found[key->number].expected = *expected;
    found[key->number].parts[key->part] = piece;
  }
  const store::FindPiece find = [&](std::string_view hash) {
    const auto piece = records.find(PieceKey(hash));
    const bool known = piece != records.end();
    return Result<std::optional<std::string>>(known ? std::optional(piece->second) : std::nullopt);
  };
  std::vector<runtime::StoredBundle> bundles;
  for (const auto& [number, pieces] : found) {
    SOJOURN_ASSIGN_OR_RETURN(runtime::StoredBundle bundle, DecodeBundle(number, pieces));
    SOJOURN_ASSIGN_OR_RETURN(bundle.files, store::JoinFiles(bundle.files, find));
    bundles.push_back(std::move(bundle));
  }
  return bundles;
}

}  // namespace sojourn::kafka
