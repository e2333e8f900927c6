#include "engine/cli/command_line.h"

#include <CLI/CLI.hpp>

namespace sojourn::cli {
namespace {

// What is wrong with the command line, and where to read on.
std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  const std::string see = "; see " + app.get_name();
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) return error.what() + see + " help " + chosen.front()->get_name();
  const std::vector<std::string> unknown = app.remaining();
  if (unknown.empty()) return "a command is missing" + see + " --help";
  const char* kind = unknown.front().starts_with("-") ? "flag " : "command ";
  return "there is no " + (kind + unknown.front()) + see + " --help";
}

}  // namespace

Option Option::Required() const { return Option(option_->required()); }

Option Option::Needs(Option other) const { return Option(option_->needs(other.option_)); }

Option Option::Excludes(Option other) const { return Option(option_->excludes(other.option_)); }

Option Option::OneOf(const std::vector<std::string>& values) const {
  return Option(option_->check(CLI::IsMember(values)));
}

Option Option::Range(int least, int most) const {
  return Option(option_->check(CLI::Range(least, most)));
}

Option Option::ShowDefault() const { return Option(option_->capture_default_str()); }

Command Command::AddSubcommand(const std::string& name, const std::string& help) const {
  return Command(app_->add_subcommand(name, help));
}

Option Command::AddOption(const std::string& names, std::string* value,
                          const std::string& help) const {
  return Option(app_->add_option(names, *value, help));
}

Option Command::AddOption(const std::string& names, std::optional<std::string>* value,
                          const std::string& help) const {
  return Option(app_->add_option(names, *value, help));
}

Option Command::AddOption(const std::string& names, std::vector<std::string>* values,
                          const std::string& help) const {
  return Option(app_->add_option(names, *values, help));
}

Option Command::AddOption(const std::string& names, int64_t* value, const std::string& help) const {
  return Option(app_->add_option(names, *value, help));
}

Option Command::AddOption(const std::string& names, uint64_t* value,
                          const std::string& help) const {
  return Option(app_->add_option(names, *value, help));
}

Option Command::AddFlag(const std::string& names, bool* value, const std::string& help) const {
  return Option(app_->add_flag(names, *value, help));
}

void Command::RequireSubcommands(size_t least, size_t most) const {
  app_->require_subcommand(least, most);
}

void Command::SetFooter(const std::string& text) const { app_->footer(text); }

void Command::SetCallback(std::function<void()> callback) const {
  app_->callback(std::move(callback));
}

std::string Command::name() const { return app_->get_name(); }

std::string Command::Help(const std::string& parents) const { return app_->help(parents); }

std::optional<Command> Command::Find(const std::string& name) const {
  const auto found =
      app_->get_subcommands([&](CLI::App* subcommand) { return subcommand->check_name(name); });
  if (found.empty()) return std::nullopt;
  return Command(found.front());
}

bool Command::subcommand_given() const { return !app_->get_subcommands().empty(); }

CommandLine::CommandLine(const std::string& name, const std::string& help,
                         const std::string& version)
    : app_(std::make_unique<CLI::App>(help, name)) {
  app_->set_version_flag("--version", name + " " + version);
}

CommandLine::~CommandLine() = default;

Command CommandLine::root() const { return Command(app_.get()); }

Status CommandLine::Parse(int argc, const char* const* argv) const {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return InvalidArgument(Explain(*app_, error));
    app_->exit(error);  // prints what --help or --version asked for
  }
  return Status::Ok();
}

}  // namespace sojourn::cli
