// The deliverers that share `<app>.actions` and `<app>.deliveries`, and where each of them began.
//
// Every deliverer reads all actions, in a group of its own and under a transactional id of its own,
// and keeps records of those that are its own. So none fences another, or waits for it.
//
// One that is new begins with what comes: what was decided before may have been acted on by
// somebody else. Only mails begin at the beginning where there is no other deliverer: a relay may
// be set up later, and until then they wait within their useful time. Where a reader began has to
// be known for good, and before the first of its actions is decided; it stands in a note of the
// app, the first action of each partition by reader:
//
//   {"mail": [0, 0], "webhooks": [120, 94]}
//
// Threads: values and pure functions.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/config.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"

namespace sojourn::kafka {

// Of one kind of deliverer. Views of constants.
struct DeliveryReader {
  std::string_view name;        // ends the names of its group and members
  std::string_view channel;     // deliver::DeliveryRecord::channel of its records
  std::string_view cursor_key;  // delivery_topic.h
};

// All keys of cursors begin so.
inline constexpr std::string_view kCursorKey = "cursor";

inline constexpr DeliveryReader kMailReader = {"mail", "", kCursorKey};
inline constexpr DeliveryReader kWebhookReader = {"webhooks", "webhooks", "cursor webhooks"};
inline constexpr std::array kDeliveryReaders = {kMailReader, kWebhookReader};

// kInvalidArgument: there is none of that name.
Result<DeliveryReader> FindDeliveryReader(std::string_view name);

// `<app>.mail`, `<app>.webhooks`
std::string GroupOf(const KafkaConfig& config, const DeliveryReader& reader);
// Its member in this process, and its transactional id.
std::string MemberOf(const KafkaConfig& config, const DeliveryReader& reader);

inline constexpr std::string_view kReaderStartsNote = "delivery_readers";
// By the reader's name; of each partition the first action that is its own.
using ReaderStarts = std::map<std::string, std::vector<Offset>, std::less<>>;

std::string EncodeReaderStarts(const ReaderStarts& starts);
// "" is none. kDataLoss: it is damaged, or of another number of partitions.
Result<ReaderStarts> DecodeReaderStarts(std::string_view text, size_t partition_count);

// Adds those of `readers` that are new, all at the same time. `ends` were the ends of the actions
// before `starts` was read: so processes that do this at once agree, or name places before anything
// that they decide. Whether there was one to add.
bool AddReaders(std::span<const std::string_view> readers, std::span<const Offset> ends,
                ReaderStarts* starts);

}  // namespace sojourn::kafka
