// `sojourn coupons`: what became of coupon pools and their codes.

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/cli/backup.h"
#include "engine/cli/commands.h"
#include "engine/cli/coupons.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

struct Options {
  std::shared_ptr<CommonOptions> common;
  bool json = false;
  bool codes = false;
  std::string pool;
};

// From the running process, or from the log itself.
template <typename Ask, typename Look>
Result<std::string> AskOrLook(const Options& options, Ask ask, Look look) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  if (const auto instance = FindInstance(config.data)) return ask(*instance);
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  SOJOURN_ASSIGN_OR_RETURN(const auto rules, NewestRules(opened.backend.get()));
  return look(*rules, opened.backend.get());
}

std::string Count(const nlohmann::json& pool, const char* key) {
  return pool.contains(key) ? std::to_string(pool[key].get<uint64_t>()) : "";
}

void PrintPool(const nlohmann::json& pool) {
  fmt::print("{:<20} {:<10} {:>9} {:>9} {:>9} {:>9} {:>8} {:>12.2f}\n", pool.value("pool", ""),
             pool.value("kind", ""), Count(pool, "codes"), Count(pool, "allotted"),
             Count(pool, "remaining"), Count(pool, "redeemed"), Count(pool, "redeemed_expired"),
             pool.value("redeemed_total", 0.0));
  for (const auto& source : pool["sources"]) {
    const std::string path = source.value("path", "");
    const std::string name =
        "  " + source.value("journey", "") + (path.empty() ? "" : " (" + path + ")");
    fmt::print("{:<41}{:>9} {:>9} {:>9} {:>8} {:>12.2f}\n", name, Count(source, "allotted"), "",
               Count(source, "redeemed"), Count(source, "redeemed_expired"),
               source.value("redeemed_total", 0.0));
  }
}

Result<int> Show(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string text,
                           AskOrLook(options, AskForCoupons, ReportCoupons));
  if (options.json) {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  const auto report = ParseJson(text);
  if (!report.is_object() || !report.contains("pools")) {
    return Unavailable("the running process is of another version");
  }
  if (report.value("lists_held", false)) {
    fmt::print("lists give no code since the restore: sojourn coupons resume\n");
  }
  if (report["pools"].empty()) {
    fmt::print("there are no coupon pools\n");
    return 0;
  }
  fmt::print("{:<20} {:<10} {:>9} {:>9} {:>9} {:>9} {:>8} {:>12}\n", "pool", "kind", "codes",
             "allotted", "remaining", "redeemed", "too late", "paid");
  for (const auto& pool : report["pools"]) PrintPool(pool);
  return 0;
}

Result<int> Export(const Options& options) {
  const ExportFormat format = options.codes ? ExportFormat::kCodes : ExportFormat::kAll;
  SOJOURN_ASSIGN_OR_RETURN(const std::string text,
                           AskOrLook(
                               options,
                               [&](const http::Instance& instance) {
                                 return AskForExport(instance, options.pool, format);
                               },
                               [&](const language::Bundle& rules, Backend* backend) {
                                 return ExportCoupons(rules, options.pool, format, backend);
                               }));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

// A process asks at its start, so it must not run meanwhile.
Result<int> Resume(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  if (FindInstance(config.data)) {
    return FailedPrecondition("a process runs in " + config.data + ": stop it first");
  }
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  SOJOURN_ASSIGN_OR_RETURN(const bool held, AreListsHeld(opened.backend.get()));
  if (held) SOJOURN_RETURN_IF_ERROR(ReleaseLists(opened.backend.get()));
  fmt::print("{}\n", held ? "lists of coupon codes give codes again" : "no list is held back");
  return 0;
}

}  // namespace

void AddCouponsCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "coupons",
      "Coupon pools: how many codes were given, are left and were redeemed, by journey and path");
  command.RequireSubcommands(0, 1);
  const auto run = [exit_code](auto action, const std::shared_ptr<Options>& options) {
    return [=] {
      const Result<int> result = action(*options);
      *exit_code = result.ok() ? *result : Fail(result.status());
    };
  };
  auto options = std::make_shared<Options>();
  options->common = AddCommonOptions(command);
  command.AddFlag("--json", &options->json, "As JSON, with every partition");
  auto export_options = std::make_shared<Options>();
  const Command sub = command.AddSubcommand(
      "export",
      "Prints a pool's codes as CSV: of a list all of them, of a generated pool those that people\n"
      "have; each with its state, person, journey, step, path and times");
  export_options->common = AddCommonOptions(sub);
  sub.AddOption("POOL", &export_options->pool, "The pool").Required();
  sub.AddFlag("--codes", &export_options->codes,
              "Only the codes, one a line: what shops take in bulk");
  sub.SetCallback(run(Export, export_options));
  auto resume_options = std::make_shared<Options>();
  const Command resume = command.AddSubcommand("resume",
                                               "After a restore, once the codes that were given "
                                               "since the backup are out of the lists: lets\n"
                                               "pools with a list give codes again");
  resume_options->common = AddCommonOptions(resume);
  resume.SetCallback(run(Resume, resume_options));
  command.SetCallback([=, show = run(Show, options)] {
    if (!command.subcommand_given()) show();
  });
}

}  // namespace sojourn::cli
