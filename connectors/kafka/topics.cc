#include "connectors/kafka/topics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>

namespace sojourn::kafka {
namespace {

// What a topic is for decides which settings it must have. Shared: every process reads all of it.
enum class TopicUse { kInput, kActions, kChangelog, kDeadLetters, kDeliveries, kShared };

struct WantedTopic {
  std::string name;
  TopicUse use;
  int32_t partition_count;
};

struct Survey {
  int32_t partition_count = 0;
  std::vector<WantedTopic> missing;
  std::vector<std::string> existing;
  std::vector<std::string> problems;
};

std::vector<WantedTopic> WantedTopics(const KafkaConfig& config, int32_t partition_count) {
  std::vector<WantedTopic> wanted;
  for (const std::string& name : InputTopicNames(config)) {
    wanted.push_back({name, TopicUse::kInput, partition_count});
  }
  wanted.push_back({ActionsTopic(config), TopicUse::kActions, partition_count});
  wanted.push_back({ChangelogTopic(config), TopicUse::kChangelog, partition_count});
  wanted.push_back({DeadLettersTopic(config), TopicUse::kDeadLetters, partition_count});
  wanted.push_back({DeliveriesTopic(config), TopicUse::kDeliveries, partition_count});
  wanted.push_back({RulesTopic(config), TopicUse::kShared, 1});
  wanted.push_back({SuppressionsTopic(config), TopicUse::kShared, 1});
  wanted.push_back({NotesTopic(config), TopicUse::kShared, 1});
  return wanted;
}

bool IsCompacted(TopicUse use) { return use == TopicUse::kChangelog || use == TopicUse::kShared; }

TopicSettings SettingsFor(const KafkaConfig& config, TopicUse use) {
  const auto milliseconds = [](Duration d) { return std::to_string(d.milliseconds()); };
  TopicSettings settings;
  if (IsCompacted(use)) {
    settings["cleanup.policy"] = "compact";
    settings["delete.retention.ms"] = milliseconds(config.tombstone_retention);
  } else if (use == TopicUse::kDeliveries) {
    settings["cleanup.policy"] = "compact,delete";
    settings["retention.ms"] = milliseconds(config.delivery_retention);
  } else {
    settings["cleanup.policy"] = "delete";
    settings["retention.ms"] = milliseconds(
        use == TopicUse::kDeadLetters ? config.dead_letter_retention : config.input_retention);
  }
  if (use != TopicUse::kInput) settings["max.message.bytes"] = std::to_string(kMaxRecordBytes);
  return settings;
}

// The count that most needs keeping: that of the first existing topic with one partition per task.
int32_t PartitionCountOf(const KafkaConfig& config, const std::map<std::string, int32_t>& counts) {
  for (const WantedTopic& topic : WantedTopics(config, config.partition_count)) {
    const auto found = counts.find(topic.name);
    if (topic.use != TopicUse::kShared && found != counts.end()) return found->second;
  }
  return config.partition_count;
}

std::optional<int64_t> NumberIn(const TopicSettings& settings, const std::string& name) {
  const auto found = settings.find(name);
  if (found == settings.end()) return std::nullopt;
  int64_t number = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void CheckDeliveries(const KafkaConfig& config, const WantedTopic& topic, const std::string& policy,
                     const TopicSettings& settings, std::vector<std::string>* problems) {
  if (policy.find("compact") == std::string::npos) {
    problems->push_back(fmt::format(
        "{} has cleanup.policy={} and needs compact,delete, or every state of a mail would be kept",
        topic.name, policy));
  }
  const auto retention = NumberIn(settings, "retention.ms");
  const bool deletes = policy.find("delete") != std::string::npos;
  if (deletes && retention && *retention >= 0 &&
      *retention < config.delivery_retention.milliseconds()) {
    problems->push_back(
        fmt::format("{} has retention.ms={} and needs at least {}, or mails would "
                    "be forgotten and sent again",
                    topic.name, *retention, config.delivery_retention.milliseconds()));
  }
}

void CheckSettings(const KafkaConfig& config, const WantedTopic& topic,
                   const TopicSettings& settings, std::vector<std::string>* problems) {
  const auto policy = settings.find("cleanup.policy");
  const std::string actual = policy == settings.end() ? "" : policy->second;
  if (IsCompacted(topic.use) && actual != "compact") {
    problems->push_back(
        fmt::format("{} has cleanup.policy={} and needs compact, or state would be deleted by age",
                    topic.name, actual));
  }
  const bool compacts = actual.find("compact") != std::string::npos;
  if (topic.use == TopicUse::kDeliveries) {
    CheckDeliveries(config, topic, actual, settings, problems);
  } else if (!IsCompacted(topic.use) && compacts) {
    problems->push_back(fmt::format(
        "{} has cleanup.policy={} and needs delete, or records of one person would replace each "
        "other",
        topic.name, actual));
  }
  const auto bytes = NumberIn(settings, "max.message.bytes");
  if (topic.use != TopicUse::kInput && bytes && *bytes < kMaxRecordBytes) {
    problems->push_back(fmt::format("{} has max.message.bytes={} and needs at least {}", topic.name,
                                    *bytes, kMaxRecordBytes));
  }
  if (topic.use != TopicUse::kChangelog) return;
  if (const auto retention = NumberIn(settings, "delete.retention.ms");
      retention && *retention < config.tombstone_retention.milliseconds()) {
    problems->push_back(fmt::format(
        "{} has delete.retention.ms={} and needs at least {} (kafka.tombstone_retention)",
        topic.name, *retention, config.tombstone_retention.milliseconds()));
  }
}

Result<Survey> TakeSurvey(const KafkaConfig& config, Cluster* cluster) {
  SOJOURN_ASSIGN_OR_RETURN(const auto counts, cluster->PartitionCounts());
  Survey survey;
  survey.partition_count = PartitionCountOf(config, counts);
  std::vector<WantedTopic> present;
  for (const WantedTopic& topic : WantedTopics(config, survey.partition_count)) {
    const auto found = counts.find(topic.name);
    if (found == counts.end()) {
      survey.missing.push_back(topic);
      continue;
    }
    present.push_back(topic);
    survey.existing.push_back(topic.name);
    if (found->second != topic.partition_count) {
      survey.problems.push_back(fmt::format(
          "{} has {} partitions and needs {}{}", topic.name, found->second, topic.partition_count,
          topic.use == TopicUse::kShared ? "" : ", as many as every other topic of the app"));
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(auto settings, cluster->Settings(survey.existing));
  for (const WantedTopic& topic : present) {
    CheckSettings(config, topic, settings[topic.name], &survey.problems);
  }
  return survey;
}

Status Refusal(const std::vector<std::string>& problems) {
  return FailedPrecondition(
      fmt::format("Kafka: wrong topics: {}; change or remove them, or choose other names",
                  fmt::join(problems, "; ")));
}

Result<int32_t> Judge(const Survey& survey) {
  if (!survey.missing.empty()) {
    std::vector<std::string> names;
    for (const WantedTopic& topic : survey.missing) names.push_back(topic.name);
    return FailedPrecondition(fmt::format(
        "Kafka: missing topics: {}; run sojourn kafka create-topics", fmt::join(names, ", ")));
  }
  if (!survey.problems.empty()) return Refusal(survey.problems);
  return survey.partition_count;
}

// Each question goes to any broker, and some may not know the new topics yet.
Status CheckNewTopics(const KafkaConfig& config, Cluster* cluster) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(config.start_timeout.milliseconds());
  for (;;) {
    const Result<Survey> survey = TakeSurvey(config, cluster);
    const bool passing =
        survey.ok() ? !survey->missing.empty() : survey.status().code() == StatusCode::kNotFound;
    if (!passing || std::chrono::steady_clock::now() > deadline) {
      return survey.ok() ? Judge(*survey).status() : survey.status();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Result<CreatedTopics> CreateTopics(const KafkaConfig& config, Cluster* cluster) {
  SOJOURN_ASSIGN_OR_RETURN(const Survey survey, TakeSurvey(config, cluster));
  if (!survey.problems.empty()) return Refusal(survey.problems);
  CreatedTopics result;
  result.existing = survey.existing;
  std::vector<NewTopic> missing;
  for (const WantedTopic& topic : survey.missing) {
    missing.push_back({topic.name, topic.partition_count, SettingsFor(config, topic.use)});
    result.created.push_back(topic.name);
  }
  SOJOURN_RETURN_IF_ERROR(cluster->Create(missing));
  // One that came to be in between was made by somebody else, perhaps otherwise.
  SOJOURN_RETURN_IF_ERROR(CheckNewTopics(config, cluster));
  return result;
}

Result<int32_t> CheckTopics(const KafkaConfig& config, Cluster* cluster) {
  SOJOURN_ASSIGN_OR_RETURN(const Survey survey, TakeSurvey(config, cluster));
  SOJOURN_ASSIGN_OR_RETURN(const int32_t partition_count, Judge(survey));
  if (config.routes.empty()) return partition_count;
  SOJOURN_ASSIGN_OR_RETURN(const auto counts, cluster->PartitionCounts());
  for (const InputTopic& route : config.routes) {
    if (counts.contains(route.name)) continue;
    return FailedPrecondition(fmt::format(
        "kafka.route: there is no topic {}, or it may not be seen; it belongs to who writes it, so "
        "create-topics does not make it",
        route.name));
  }
  return partition_count;
}

}  // namespace sojourn::kafka
