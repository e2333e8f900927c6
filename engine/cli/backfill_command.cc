// `sojourn backfill`: counters of new rules, filled from the log.

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/cli/backfill.h"
#include "engine/cli/commands.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

constexpr Duration kAnswerTimeout = Hours(2);  // the whole log is read

struct BackfillOptions {
  std::shared_ptr<CommonOptions> common;
  bool yes = false;
  bool dry_run = false;
};

// Either asks the process that runs on the data, or works on the log itself.
class Backfiller {
 public:
  virtual ~Backfiller() = default;
  virtual Result<BackfillPlan> Plan() = 0;
  virtual Result<BackfillDone> Go(uint32_t bundle) = 0;
  virtual bool running() const = 0;
};

class RemoteBackfiller final : public Backfiller {
 public:
  explicit RemoteBackfiller(http::Instance instance) : instance_(std::move(instance)) {}

  Result<BackfillPlan> Plan() override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json, Ask("/-/backfill?dry_run=1"));
    BackfillPlan plan;
    plan.text = json.value("text", "");
    plan.counters = json.value("counters", int64_t{0});
    plan.refused = json.value("refused", int64_t{0});
    plan.bundle = json.value("bundle", uint32_t{0});
    return plan;
  }
  Result<BackfillDone> Go(uint32_t bundle) override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json, Ask(fmt::format("/-/backfill?bundle={}", bundle)));
    return BackfillDone{json.value("people", int64_t{0}), json.value("counters", int64_t{0})};
  }
  bool running() const override { return true; }

 private:
  Result<nlohmann::json> Ask(const std::string& target) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string body,
                             AskInstance(instance_, "POST", target, "", kAnswerTimeout));
    auto json = ParseJson(body);
    if (!json.is_object()) return Unavailable("the running process is of another version");
    return json;
  }

  const http::Instance instance_;
};

class LocalBackfiller final : public Backfiller {
 public:
  explicit LocalBackfiller(OpenedBackend opened) : opened_(std::move(opened)) {}

  Result<BackfillPlan> Plan() override { return PlanBackfill(opened_.backend.get(), Never); }
  Result<BackfillDone> Go(uint32_t bundle) override {
    return RunBackfill({bundle, runtime::SystemClock().Now(), running()}, opened_.backend.get(),
                       Never);
  }
  // Over Kafka others do the work.
  bool running() const override { return opened_.backend->shows_commits(); }

 private:
  static bool Never() { return false; }

  OpenedBackend opened_;
};

Result<std::unique_ptr<Backfiller>> MakeBackfiller(const Config& config) {
  const auto instance = FindInstance(config.data);
  if (instance && config.log != LogKind::kKafka) {
    return std::unique_ptr<Backfiller>(std::make_unique<RemoteBackfiller>(*instance));
  }
  SOJOURN_ASSIGN_OR_RETURN(OpenedBackend opened, OpenForCommand(config, /*need_existing=*/true));
  return std::unique_ptr<Backfiller>(std::make_unique<LocalBackfiller>(std::move(opened)));
}

bool Confirm(const BackfillOptions& options) {
  if (options.yes) return true;
  std::cout << "Fill them? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<int> Run(const BackfillOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const auto backfiller, MakeBackfiller(config));
  SOJOURN_ASSIGN_OR_RETURN(const BackfillPlan plan, backfiller->Plan());
  std::fputs(plan.text.c_str(), stdout);
  std::fflush(stdout);
  if (plan.counters == 0) return plan.refused == 0 ? 0 : 1;
  if (options.dry_run) return 0;
  if (!Confirm(options)) return 1;
  SOJOURN_ASSIGN_OR_RETURN(const BackfillDone done, backfiller->Go(plan.bundle));
  std::printf("done: %lld %s of %lld %s; %s\n", static_cast<long long>(done.counters),
              done.counters == 1 ? "counter" : "counters", static_cast<long long>(done.people),
              done.people == 1 ? "person" : "people",
              backfiller->running() ? "what is running takes them in now"
                                    : "sojourn run takes them in when it starts");
  return 0;
}

}  // namespace

void AddBackfillCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "backfill",
      "Fills counters that new rules brought from the log, after saying which and asking: they "
      "count since the rules were loaded, and then as if they always had. Silently: nobody enters "
      "or leaves anything by it");
  auto options = std::make_shared<BackfillOptions>();
  options->common = AddCommonOptions(command);
  command.AddFlag("--yes", &options->yes, "Do not ask");
  command.AddFlag("--dry-run", &options->dry_run, "Only say which counters, from how many events");
  command.SetCallback([options, exit_code] {
    const Result<int> result = Run(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
