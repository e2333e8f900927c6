// `sojourn enroll`: entering people into a journey by hand.

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/base/duration_text.h"
#include "engine/base/json_text.h"
#include "engine/cli/commands.h"
#include "engine/cli/enroll.h"
#include "engine/cli/remote.h"
#include "engine/language/load.h"

namespace sojourn::cli {
namespace {

struct EnrollOptions {
  std::shared_ptr<CommonOptions> common;
  EnrollRequest request;
  std::string spread;
  bool yes = false;
  bool dry_run = false;
};

// Either asks the process that runs on the data, or works on the log itself.
class Enroller {
 public:
  virtual ~Enroller() = default;
  virtual Result<int64_t> Count() = 0;
  virtual Status Go() = 0;
};

class RemoteEnroller final : public Enroller {
 public:
  RemoteEnroller(http::Instance instance, const EnrollRequest& request)
      : instance_(std::move(instance)),
        target_(fmt::format(
            "/-/enroll?journey={}&segment={}&spread_ms={}", http::EncodeQueryText(request.journey),
            http::EncodeQueryText(request.segment), request.spread.milliseconds())) {}

  Result<int64_t> Count() override {
    SOJOURN_ASSIGN_OR_RETURN(
        const std::string body,
        AskInstance(instance_, "POST", target_ + "&dry_run=1", "", Seconds(60)));
    const auto json = ParseJson(body);
    return json.is_object() ? json.value("people", int64_t{0}) : 0;
  }
  Status Go() override {
    return AskInstance(instance_, "POST", target_, "", Seconds(600)).status();
  }

 private:
  const http::Instance instance_;
  const std::string target_;
};

class LocalEnroller final : public Enroller {
 public:
  LocalEnroller(OpenedBackend opened, std::shared_ptr<const language::Bundle> bundle,
                EnrollRequest request)
      : opened_(std::move(opened)), bundle_(std::move(bundle)), request_(std::move(request)) {}

  Result<int64_t> Count() override {
    SOJOURN_ASSIGN_OR_RETURN(people_, FindCandidates(request_, *bundle_, opened_.backend.get()));
    return static_cast<int64_t>(people_.size());
  }
  Status Go() override {
    return Enroll(request_, people_, runtime::SystemClock().Now(), opened_.backend.get());
  }

 private:
  OpenedBackend opened_;
  std::shared_ptr<const language::Bundle> bundle_;
  EnrollRequest request_;
  std::vector<std::string> people_;
};

Result<std::unique_ptr<Enroller>> MakeEnroller(const Config& config, const EnrollRequest& request) {
  if (config.log == LogKind::kEmbedded) {
    if (const auto instance = FindInstance(config.data)) {
      return std::unique_ptr<Enroller>(std::make_unique<RemoteEnroller>(*instance, request));
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(OpenedBackend opened, OpenForCommand(config, /*need_existing=*/true));
  SOJOURN_ASSIGN_OR_RETURN(const auto bundles, opened.backend->bundles()->ReadAll());
  if (bundles.empty()) return FailedPrecondition("no rules were ever loaded: start sojourn run");
  const auto bundle = language::LoadBundle(bundles.back().files).bundle;
  if (bundle == nullptr) return FailedPrecondition("the rules in force do not check any more");
  return std::unique_ptr<Enroller>(
      std::make_unique<LocalEnroller>(std::move(opened), bundle, request));
}

bool Confirm(const EnrollOptions& options) {
  if (options.yes) return true;
  std::cout << fmt::format("Enter them into {}? [y/N] ", options.request.journey) << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<int> Run(EnrollOptions options) {
  if (!options.spread.empty()) {
    DurationProblem problem;
    const auto spread = ParseDuration(options.spread, DurationStyle::kLongOrShort, &problem);
    if (!spread || *spread < Duration(0)) {
      return InvalidArgument(
          fmt::format("--spread {}: {}", options.spread,
                      problem.why.empty() ? "write a duration such as \"3 days\"" : problem.why));
    }
    options.request.spread = *spread;
  }
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const auto enroller, MakeEnroller(config, options.request));
  SOJOURN_ASSIGN_OR_RETURN(const int64_t people, enroller->Count());
  std::printf(
      "%lld %s%s would be entered into %s%s; only_if, reentry and all gates apply\n",
      static_cast<long long>(people), people == 1 ? "person" : "people",
      options.request.segment.empty()
          ? ""
          : fmt::format(" of segment {}", options.request.segment).c_str(),
      options.request.journey.c_str(),
      options.request.spread == Duration(0)
          ? ""
          : fmt::format(", spread over {}", FormatDuration(options.request.spread)).c_str());
  if (options.dry_run || people == 0) return 0;
  if (!Confirm(options)) return 1;
  SOJOURN_RETURN_IF_ERROR(enroller->Go());
  std::printf("done\n");
  return 0;
}

}  // namespace

void AddEnrollCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "enroll", "Enters known people into a journey by hand, after saying how many and asking");
  auto options = std::make_shared<EnrollOptions>();
  options->common = AddCommonOptions(command);
  command.AddOption("JOURNEY", &options->request.journey, "The journey").Required();
  command.AddOption("--segment", &options->request.segment, "Only members of this segment");
  command.AddOption("--spread", &options->spread, "Spread the entries over this time: \"3 days\"");
  command.AddFlag("--yes", &options->yes, "Do not ask");
  command.AddFlag("--dry-run", &options->dry_run, "Only say how many");
  command.SetCallback([options, exit_code] {
    const Result<int> result = Run(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
