#include "connectors/kafka/delivery_readers.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/json_text.h"

namespace sojourn::kafka {

Result<DeliveryReader> FindDeliveryReader(std::string_view name) {
  const auto* const found = std::ranges::find(kDeliveryReaders, name, &DeliveryReader::name);
  if (found == kDeliveryReaders.end()) {
    return InvalidArgument(fmt::format("there is no deliverer of {}", name));
  }
  return *found;
}

std::string GroupOf(const KafkaConfig& config, const DeliveryReader& reader) {
  return fmt::format("{}.{}", config.app, reader.name);
}

std::string MemberOf(const KafkaConfig& config, const DeliveryReader& reader) {
  return fmt::format("{}-{}-{}", config.app, config.instance, reader.name);
}

std::string EncodeReaderStarts(const ReaderStarts& starts) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, offsets] : starts) {
    auto& list = json[name] = nlohmann::ordered_json::array();
    for (const Offset offset : offsets) list.push_back(offset.value());
  }
  return DumpJson(json);
}

Result<ReaderStarts> DecodeReaderStarts(std::string_view text, size_t partition_count) {
  ReaderStarts starts;
  if (text.empty()) return starts;
  const auto damaged = [] {
    return DataLoss(
        fmt::format("the note {} is damaged, so nobody can tell with which actions "
                    "deliverers began",
                    kReaderStartsNote));
  };
  const auto json = ParseJson(text);
  if (!json.is_object()) return damaged();
  for (const auto& [name, list] : json.items()) {
    if (!list.is_array() || list.size() != partition_count) return damaged();
    std::vector<Offset>& offsets = starts[name];
    for (const auto& offset : list) {
      if (!offset.is_number_unsigned()) return damaged();
      offsets.emplace_back(offset.get<int64_t>());
    }
  }
  return starts;
}

bool AddReaders(std::span<const std::string_view> readers, std::span<const Offset> ends,
                ReaderStarts* starts) {
  const bool has_others = !starts->empty();
  bool added = false;
  for (const std::string_view reader : readers) {
    const bool from_the_beginning = reader == kMailReader.name && !has_others;
    std::vector<Offset> first(ends.begin(), ends.end());
    if (from_the_beginning) first.assign(ends.size(), Offset(0));
    added |= starts->try_emplace(std::string(reader), std::move(first)).second;
  }
  return added;
}

}  // namespace sojourn::kafka
