// `sojourn summary`: what happened so far, for a marketer.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "engine/base/json_text.h"
#include "engine/cli/commands.h"
#include "engine/cli/progress.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

struct SummaryOptions {
  std::shared_ptr<CommonOptions> common;
  bool wait = false;
  bool replayed = false;
  int examples = 3;
};

// One line of the metrics page: name, labels, number.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

std::map<std::string, std::string> ParseLabels(std::string_view text) {
  std::map<std::string, std::string> labels;
  while (!text.empty()) {
    const size_t equals = text.find("=\"");
    if (equals == std::string_view::npos) break;
    const std::string name(text.substr(0, equals));
    std::string value;
    size_t at = equals + 2;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value += text[at];
    }
    labels[name] = value;
    text.remove_prefix(std::min(at + 2, text.size()));  // the quote and the comma
  }
  return labels;
}

std::vector<Sample> ParseMetrics(const std::string& page) {
  std::vector<Sample> samples;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.rfind(' ');
    const size_t brace = line.find('{');
    Sample sample;
    sample.name = line.substr(0, std::min(brace, space));
    if (brace != std::string::npos && brace < space) {
      sample.labels = ParseLabels(std::string_view(line).substr(brace + 1, space - brace - 2));
    }
    sample.value = std::strtod(line.c_str() + space + 1, nullptr);
    samples.push_back(std::move(sample));
  }
  return samples;
}

class Metrics {
 public:
  static Result<Metrics> Fetch(const http::Instance& instance) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string page,
                             AskInstance(instance, "GET", "/metrics", "", Seconds(30)));
    Metrics metrics;
    metrics.samples_ = ParseMetrics(page);
    return metrics;
  }

  double Sum(std::string_view name) const {
    double sum = 0;
    for (const Sample& sample : samples_) sum += sample.name == name ? sample.value : 0;
    return sum;
  }
  size_t Count(std::string_view name) const {
    return static_cast<size_t>(std::ranges::count(samples_, name, &Sample::name));
  }
  // label's value -> sum.
  std::map<std::string, double> By(std::string_view name, const std::string& label,
                                   const std::string& journey = "") const {
    std::map<std::string, double> sums;
    for (const Sample& sample : samples_) {
      if (sample.name != name || !sample.labels.contains(label)) continue;
      if (!journey.empty() && sample.labels.at("journey") != journey) continue;
      sums[sample.labels.at(label)] += sample.value;
    }
    return sums;
  }
  // A process that has just started knows its partitions before it knows what they have to do.
  bool Settled() const {
    const size_t known = Count("sojourn_partition_restoring");
    return known > 0 && Count("sojourn_lag_records") == known &&
           Sum("sojourn_partition_restoring") == 0 && Sum("sojourn_lag_records") == 0 &&
           Sum("sojourn_partition_importing") == 0 &&
           Sum("sojourn_timers_oldest_overdue_seconds") == 0 &&
           Sum("sojourn_partition_upgrading") == 0;
  }

 private:
  std::vector<Sample> samples_;
};

// Until everything at hand is handled. Gauges are a second old at most, so it takes two looks in a
// row that agree.
Result<Metrics> WaitUntilSettled(const http::Instance& instance) {
  int settled = 0;
  std::optional<Progress> progress;
  double lag_at_first = 0;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const Metrics metrics, Metrics::Fetch(instance));
    settled = metrics.Settled() ? settled + 1 : 0;
    if (settled == 3) {
      if (progress) progress->Finish();
      return metrics;
    }
    const double lag = metrics.Sum("sojourn_lag_records");
    if (!progress && lag > 0) {
      lag_at_first = lag;
      progress.emplace("working", static_cast<int64_t>(lag));
    }
    if (progress) progress->Show(static_cast<int64_t>(lag_at_first - lag));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

// What the actions tell: sends by journey, template and A/B path, and the first few.
struct ActionTotals {
  int64_t count = 0;
  std::set<std::string> people;
  std::map<std::string, std::map<std::string, int64_t>> by_journey;  // "TEMPLATE (test: path)"
  std::vector<nlohmann::json> examples;
  nlohmann::json explained;
};

std::string Describe(const nlohmann::json& action) {
  const std::string kind = action.value("kind", "");
  std::string text = kind;
  if (kind.starts_with("send_")) text = action.value("template", "");
  if (kind == "coupon" && action.contains("coupon")) {
    text = "coupon of " + action["coupon"].value("pool", "");
  }
  if (kind == "webhook") text = "webhook " + action.value("url", "");
  if (action.contains("paths") && action["paths"].is_object()) {
    for (const auto& [test, path] : action["paths"].items()) {
      text += fmt::format("  ({}: {})", test, path.is_string() ? path.get<std::string>() : "");
    }
  }
  return text;
}

// The action shown whole is a mail, best with the conditions that led to it and with a coupon.
bool TellsMore(const nlohmann::json& action, const nlohmann::json& than) {
  const auto worth = [](const nlohmann::json& it) {
    if (it.is_null()) return -1;
    const bool reasons = it.contains("why") && it["why"].contains("conditions");
    return (reasons ? 2 : 0) + (it.contains("coupon") ? 1 : 0);
  };
  return worth(action) > worth(than);
}

Status ReadTotals(const SummaryOptions& options, Backend* backend, ActionTotals* totals) {
  ActionCursors cursors;
  std::set<std::string> journeys_shown;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const auto actions, backend->ReadActions(&cursors, 5000, Duration(0)));
    if (actions.empty()) return Status::Ok();
    for (const CommittedAction& committed : actions) {
      auto action = ParseJson(committed.json);
      if (!action.is_object()) continue;
      ++totals->count;
      totals->people.insert(action.value("person", ""));
      const std::string journey = action.value("journey", "");
      ++totals->by_journey[journey][Describe(action)];
      const bool mail = action.value("kind", "") == "send_email";
      if (mail && static_cast<int>(totals->examples.size()) < options.examples &&
          journeys_shown.insert(journey).second) {
        totals->examples.push_back(action);
      }
      if (mail && TellsMore(action, totals->explained)) totals->explained = std::move(action);
    }
  }
}

std::string Number(double number) {
  std::string text = fmt::format("{:.0f}", number);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

void PrintJourneys(const Metrics& metrics, const ActionTotals& totals, bool replayed) {
  std::set<std::string> journeys;
  for (const auto& [journey, count] : metrics.By("sojourn_runs_entered_total", "journey")) {
    journeys.insert(journey);
  }
  const auto entered = metrics.By("sojourn_runs_entered_total", "journey");
  const auto goals = metrics.By("sojourn_goals_reached_total", "journey");
  for (const std::string& journey : journeys) {
    const auto goal = goals.find(journey);
    fmt::print("\n{}\n  entered {}", journey, Number(entered.at(journey)));
    if (goal != goals.end()) {
      fmt::print(", goal reached {} ({:.1f}%)", Number(goal->second),
                 100 * goal->second / std::max(1.0, entered.at(journey)));
    }
    fmt::print("\n  ended:");
    for (const auto& [reason, count] : metrics.By("sojourn_runs_exited_total", "reason", journey)) {
      fmt::print(" {} {}", reason, Number(count));
    }
    fmt::print("\n");
    const auto sends = totals.by_journey.find(journey);
    if (sends != totals.by_journey.end()) {
      fmt::print("  {}:\n", replayed ? "would have been sent" : "sent or to be sent");
      for (const auto& [what, count] : sends->second) {
        fmt::print("  {:>10}  {}\n", Number(static_cast<double>(count)), what);
      }
    }
    for (const auto& [reason, count] :
         metrics.By("sojourn_steps_skipped_total", "reason", journey)) {
      fmt::print("  {:>10}  skipped: {}\n", Number(count), reason);
    }
  }
}

Result<int> Summarise(const SummaryOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  const auto instance = FindInstance(config.data);
  if (!instance) {
    return FailedPrecondition(
        fmt::format("no process runs on {}: start `sojourn run` first", config.data));
  }
  const Result<Metrics> metrics =
      options.wait ? WaitUntilSettled(*instance) : Metrics::Fetch(*instance);
  if (!metrics.ok()) return metrics.status();
  ActionTotals totals;
  const auto backend = MakeRemoteBackend(*instance);
  SOJOURN_RETURN_IF_ERROR(ReadTotals(options, backend.get(), &totals));

  fmt::print("{} people, {} events, {} timers fired; {} actions for {} people\n",
             Number(metrics->Sum("sojourn_persons")), Number(metrics->Sum("sojourn_events_total")),
             Number(metrics->Sum("sojourn_timers_fired_total")),
             Number(static_cast<double>(totals.count)),
             Number(static_cast<double>(totals.people.size())));
  PrintJourneys(*metrics, totals, options.replayed);
  if (!totals.examples.empty()) fmt::print("\nThe first of some:\n");
  for (const nlohmann::json& action : totals.examples) {
    fmt::print("  {}  {:<22} to {:<28} {} {}\n", action.value("time", ""),
               action.value("template", ""), action.value("address", ""),
               action.value("journey", ""), action.value("step", ""));
  }
  if (!totals.explained.is_null()) {
    fmt::print("\nOne action whole, with its reason:\n{}\n", DumpJson(totals.explained, 2));
  }
  return 0;
}

}  // namespace

void AddSummaryCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "summary", "Says what the running process did since its start: people, journeys, actions");
  auto options = std::make_shared<SummaryOptions>();
  options->common = AddCommonOptions(command);
  command.AddFlag("--wait", &options->wait, "Wait until everything at hand is handled");
  command.AddFlag("--replayed", &options->replayed,
                  "Word it for replayed history: would have been sent");
  command.SetCallback([options, exit_code] {
    const Result<int> result = Summarise(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
