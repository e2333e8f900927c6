#include "engine/simulate/backtest_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"

namespace sojourn::simulate {
namespace {

using Json = nlohmann::ordered_json;

// "12,345".
std::string Number(int64_t number) {
  std::string text = std::to_string(number);
  const int first = number < 0 ? 1 : 0;
  for (int at = static_cast<int>(text.size()) - 3; at > first; at -= 3) {
    text.insert(static_cast<size_t>(at), 1, ',');
  }
  return text;
}

std::string Times(int64_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", Number(count), count == 1 ? one : several);
}

std::string NameOf(const ActionKey& key) {
  switch (key.kind) {
    case model::ActionKind::kCoupon:
      return "coupon of " + key.name;
    case model::ActionKind::kWebhook:
      return "webhook " + key.name;
    default:
      return key.name;
  }
}

std::string CountsText(const JourneyTally::Counts& counts) {
  std::string text;
  for (const auto& [reason, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", reason, Number(count));
  }
  return text;
}

void AppendCounts(std::string_view what, const JourneyTally::Counts& counts, std::string* text) {
  if (!counts.empty()) *text += fmt::format("  {}: {}\n", what, CountsText(counts));
}

std::string JourneyText(const std::string& name, const JourneyTally& journey) {
  std::string text = fmt::format("\n{}\n  entered {}", name, Number(journey.entered));
  if (journey.goals > 0) {
    text += fmt::format(", goal reached {} ({:.1f}%)", Number(journey.goals),
                        100.0 * static_cast<double>(journey.goals) /
                            static_cast<double>(std::max<int64_t>(1, journey.entered)));
  }
  if (journey.running > 0) text += fmt::format(", still on the way {}", Number(journey.running));
  text += "\n";
  AppendCounts("refused", journey.refused, &text);
  for (const auto& [taken, count] : journey.paths) {
    text += fmt::format("  {:>10}  {}: {}\n", Number(count), taken.first, taken.second);
  }
  for (const auto& [key, action] : journey.actions) {
    text += fmt::format("  {:>10}  {} to {}\n", Number(action.count), NameOf(key),
                        Times(action.people.size(), "person", "people"));
  }
  AppendCounts("skipped", journey.skipped, &text);
  AppendCounts("ended", journey.exited, &text);
  if (journey.errors > 0) {
    text += fmt::format("  expressions that ended in an error: {}\n", Number(journey.errors));
  }
  return text;
}

std::string SampleText(int64_t count, const std::vector<std::string>& sample) {
  if (sample.empty()) return "";
  const int64_t more = count - static_cast<int64_t>(sample.size());
  return fmt::format(": {}{}", fmt::join(sample, ", "),
                     more > 0 ? fmt::format(" and {} more", Number(more)) : "");
}

std::string ChangedText(std::string_view indent, const ChangedPeople& people) {
  std::string text;
  if (people.newly > 0) {
    text += fmt::format("{}newly {}{}\n", indent, Times(people.newly, "person", "people"),
                        SampleText(people.newly, people.newly_sample));
  }
  if (people.no_longer > 0) {
    text += fmt::format("{}no longer {}{}\n", indent, Times(people.no_longer, "person", "people"),
                        SampleText(people.no_longer, people.no_longer_sample));
  }
  return text;
}

std::string ComparisonText(const BacktestFrame& frame, const Comparison& comparison) {
  std::string text = fmt::format("\nAgainst the rules in {}:\n", frame.against);
  if (comparison.journeys.empty()) return text + "  nobody gets more or less\n";
  for (const auto& [name, actions] : comparison.journeys) {
    text += "\n" + name + "\n";
    for (const auto& [key, change] : actions) {
      text += fmt::format("  {}: {} before, {} now\n", NameOf(key), Number(change.old_count),
                          Number(change.new_count));
      text += ChangedText("    ", change.people);
    }
  }
  text += "\nof all journeys together, mailed\n";
  const std::string changed = ChangedText("  ", comparison.mailed);
  return text + (changed.empty() ? "  the same people\n" : changed);
}

std::string FrameText(const BacktestFrame& frame, const Tally& tally) {
  std::string text =
      fmt::format("{} of {} from {}: {} to {}\n", Times(tally.events, "event", "events"),
                  Times(tally.people, "person", "people"), frame.source,
                  FormatRfc3339(frame.first_event), FormatRfc3339(frame.last_event));
  if (frame.window.from > frame.first_event) {
    text += fmt::format("counted from {} on; what came before made people's history\n",
                        FormatRfc3339(frame.window.from));
  }
  if (frame.until > frame.last_event) {
    text += fmt::format("timers ran until {}, as if nothing more had happened\n",
                        FormatRfc3339(frame.until));
  }
  if (frame.begins_late) {
    text +=
        "the log has lost its beginning (retention_hours): what people did before is not known "
        "here, so counts, reentry and caps begin with its first event\n";
  }
  if (tally.rejected > 0) {
    text += fmt::format("{} could not be taken\n", Times(tally.rejected, "event", "events"));
  }
  return text + "Nothing was sent.\n";
}

Json CountsJson(const JourneyTally::Counts& counts) {
  Json json = Json::object();
  for (const auto& [reason, count] : counts) json[reason] = count;
  return json;
}

Json ActionJson(const ActionKey& key) {
  return {{"kind", std::string(model::ActionKindName(key.kind))}, {"name", key.name}};
}

Json JourneyJson(const JourneyTally& journey) {
  Json json = {{"entered", journey.entered},
               {"goals", journey.goals},
               {"running", journey.running},
               {"expression_errors", journey.errors},
               {"refused", CountsJson(journey.refused)},
               {"skipped", CountsJson(journey.skipped)},
               {"exited", CountsJson(journey.exited)},
               {"paths", Json::array()},
               {"actions", Json::array()}};
  for (const auto& [taken, count] : journey.paths) {
    json["paths"].push_back({{"test", taken.first}, {"path", taken.second}, {"count", count}});
  }
  for (const auto& [key, action] : journey.actions) {
    Json one = ActionJson(key);
    one["count"] = action.count;
    one["people"] = action.people.size();
    json["actions"].push_back(std::move(one));
  }
  return json;
}

Json ChangedJson(const ChangedPeople& people) {
  return {{"newly", people.newly},
          {"newly_sample", people.newly_sample},
          {"no_longer", people.no_longer},
          {"no_longer_sample", people.no_longer_sample}};
}

Json ComparisonJson(const Comparison& comparison) {
  Json journeys = Json::object();
  for (const auto& [name, actions] : comparison.journeys) {
    Json list = Json::array();
    for (const auto& [key, change] : actions) {
      Json one = ActionJson(key);
      one["before"] = change.old_count;
      one["now"] = change.new_count;
      one.update(ChangedJson(change.people));
      list.push_back(std::move(one));
    }
    journeys[name] = std::move(list);
  }
  return {{"journeys", std::move(journeys)}, {"mailed", ChangedJson(comparison.mailed)}};
}

}  // namespace

std::string BacktestText(const BacktestFrame& frame, const Tally& tally,
                         const Comparison* comparison) {
  std::string text = FrameText(frame, tally);
  for (const auto& [name, journey] : tally.journeys) text += JourneyText(name, journey);
  if (comparison != nullptr) text += ComparisonText(frame, *comparison);
  return text;
}

std::string BacktestJson(const BacktestFrame& frame, const Tally& tally,
                         const Comparison* comparison) {
  Json json = {{"source", frame.source},
               {"rules", frame.rules},
               {"events", tally.events},
               {"people", tally.people},
               {"timers", tally.timers},
               {"rejected", tally.rejected},
               {"first_event", FormatRfc3339(frame.first_event)},
               {"last_event", FormatRfc3339(frame.last_event)},
               {"until", FormatRfc3339(frame.until)},
               {"begins_late", frame.begins_late},
               {"journeys", Json::object()}};
  for (const auto& [name, journey] : tally.journeys) json["journeys"][name] = JourneyJson(journey);
  if (comparison != nullptr) {
    json["against"] = ComparisonJson(*comparison);
    json["against"]["rules"] = frame.against;
  }
  return DumpJson(json, 2) + "\n";
}

}  // namespace sojourn::simulate
