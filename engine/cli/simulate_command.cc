// `sojourn simulate`: what rules would have done to people, from their recorded events.

#include <fmt/format.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "engine/cli/commands.h"
#include "engine/cli/loaded_rules.h"
#include "engine/cli/moment_option.h"
#include "engine/cli/progress.h"
#include "engine/cli/recording.h"
#include "engine/cli/scratch.h"
#include "engine/simulate/backtest.h"
#include "engine/simulate/backtest_report.h"

namespace sojourn::cli {
namespace {

struct SimulateOptions {
  std::shared_ptr<RecordingOptions> recording;
  std::string against;
  std::string from;
  std::string to;
  std::string until;
  std::string format = "text";
  size_t sample = 5;
  uint64_t seed = 0;
};

// One set of rules at work.
struct Trial {
  std::unique_ptr<Scratch> scratch;
  std::unique_ptr<simulate::Backtest> backtest;

  static Result<Trial> Begin(const std::string& rules, const simulate::Window& window,
                             simulate::People* people) {
    Trial trial;
    SOJOURN_ASSIGN_OR_RETURN(const auto bundle, LoadCleanRules(rules));
    SOJOURN_ASSIGN_OR_RETURN(trial.scratch, Scratch::Make());
    SOJOURN_ASSIGN_OR_RETURN(
        trial.backtest,
        simulate::Backtest::Open(bundle, window, trial.scratch->database(), people));
    return trial;
  }
};

// The moments of the command line, and what follows from them.
Status FrameTimes(const SimulateOptions& options, simulate::BacktestFrame* frame) {
  if (!options.from.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(frame->window.from, ParseMoment("--from", options.from, false));
  }
  if (!options.to.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(frame->window.to, ParseMoment("--to", options.to, true));
    if (frame->window.to < frame->window.from) {
      return InvalidArgument("--to lies before --from: there is no time between them");
    }
  }
  return Status::Ok();
}

// Silence behind the last event says nothing, unless somebody asks for it.
Status FindEnd(const SimulateOptions& options, simulate::BacktestFrame* frame) {
  frame->until = options.to.empty() ? frame->last_event : frame->window.to;
  if (options.until.empty()) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(frame->until, ParseMoment("--until", options.until, true));
  if (frame->until < frame->last_event) {
    return InvalidArgument("--until lies before the last event; --to leaves events out");
  }
  frame->window.to = frame->until;
  return Status::Ok();
}

Status Feed(Recording* recording, std::vector<Trial>* trials) {
  Progress progress("simulating", recording->events.count());
  file::SortableEvent event;
  for (int64_t done = 0;; ++done) {
    SOJOURN_ASSIGN_OR_RETURN(const bool more, recording->events.Next(&event));
    if (!more) break;
    const simulate::RecordedEvent recorded{event.time, std::move(event.person),
                                           std::move(event.bytes)};
    for (Trial& trial : *trials) SOJOURN_RETURN_IF_ERROR(trial.backtest->Add(recorded));
    if (done % 1024 == 0) progress.Show(done);
  }
  progress.Finish();
  return Status::Ok();
}

void Print(const SimulateOptions& options, const simulate::BacktestFrame& frame,
           const simulate::Tally& tally, const simulate::Comparison* comparison) {
  const auto write = options.format == "json" ? simulate::BacktestJson : simulate::BacktestText;
  std::fputs(write(frame, tally, comparison).c_str(), stdout);
}

Result<int> Simulate(const SimulateOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.recording->common));
  simulate::BacktestFrame frame;
  frame.rules = config.rules;
  frame.against = options.against;
  SOJOURN_RETURN_IF_ERROR(FrameTimes(options, &frame));
  SOJOURN_RETURN_IF_ERROR(LoadCleanRules(config.rules).status());
  SOJOURN_ASSIGN_OR_RETURN(const auto recording, Record(*options.recording, frame.window.to));
  frame.source = recording->source;
  frame.first_event = recording->events.first_time();
  frame.last_event = recording->events.last_time();
  frame.begins_late = recording->begins_late;
  SOJOURN_RETURN_IF_ERROR(FindEnd(options, &frame));

  simulate::People people;
  std::vector<Trial> trials;
  for (const std::string& rules : {config.rules, options.against}) {
    if (rules.empty()) continue;
    SOJOURN_ASSIGN_OR_RETURN(Trial trial, Trial::Begin(rules, frame.window, &people));
    trials.push_back(std::move(trial));
  }
  SOJOURN_RETURN_IF_ERROR(Feed(recording.get(), &trials));
  for (Trial& trial : trials) SOJOURN_RETURN_IF_ERROR(trial.backtest->Finish(frame.until));
  const simulate::Tally& tally = trials.front().backtest->tally();
  if (trials.size() == 1) {
    Print(options, frame, tally, nullptr);
  } else {
    const simulate::Comparison comparison = simulate::Compare(
        trials.back().backtest->tally(), tally, people, options.sample, options.seed);
    Print(options, frame, tally, &comparison);
  }
  return recording->bad_lines > 0 ? 1 : 0;
}

}  // namespace

void AddSimulateCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "simulate",
      "Says what rules would have done with recorded events: who enters, what is sent and "
      "skipped,\n"
      "and why. Nothing is sent and nothing is changed. Events come from a file (--events) or "
      "from\n"
      "the log of --data or --config, also while a process runs there; over Kafka from what the\n"
      "topics hold. Everybody begins unknown: what happened before the first event is not known.\n"
      "Listed coupons are given as by one partition.\n"
      "With --against: who would get more or less than under those other rules.\n"
      "Exit code: 0 done, 1 done but some lines were no events (they are named), 2 nothing was\n"
      "simulated.");
  auto options = std::make_shared<SimulateOptions>();
  options->recording = AddRecordingOptions(command);
  command.AddOption("--rules", &options->recording->common->rules,
                    "Rules directory (default: rules)");
  command.AddOption("--against", &options->against, "Rules directory to compare with");
  command.AddOption("--from", &options->from,
                    "Count from this moment or day on; what came before makes people's history");
  command.AddOption("--to", &options->to, "Leave out what is later than this moment or day");
  command.AddOption(
      "--until", &options->until,
      "Let timers run on until then as if nothing more had happened. Without it nothing is\n"
      "claimed about the time after the last event (or --to): silence there is only the end of\n"
      "the recording");
  command.AddOption("--sample", &options->sample, "How many people to name for each change")
      .ShowDefault();
  command.AddOption("--seed", &options->seed, "Chooses whom to name").ShowDefault();
  command.AddOption("--format", &options->format, "text or json").OneOf({"text", "json"});
  command.SetCallback([options, exit_code] {
    const Result<int> result = Simulate(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
