// The command line: commands, their options and their help. What parses it stands behind this
// header, for it is dear to compile.
//
// Threads: main only. Ownership: a CommandLine owns all of its commands and options; a Command or
// an Option is a handle that is copied freely and is valid as long as it. Where values are stored
// must stay valid until Parse has returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sojourn::cli {

// One option, flag or positional argument of a command.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option Required() const;
  // Only with the other one, or only without it.
  Option Needs(Option other) const;
  Option Excludes(Option other) const;
  // What values it takes; both ends included.
  Option OneOf(const std::vector<std::string>& values) const;
  Option Range(int least, int most) const;
  // The keys of a map.
  template <typename Value>
  Option OneOf(const std::map<std::string, Value>& values) const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : values) keys.push_back(key);
    return OneOf(keys);
  }
  // The value that is stored now is its default in the help.
  Option ShowDefault() const;

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  Command AddSubcommand(const std::string& name, const std::string& help) const;
  // `names` as in "--map,--mapping"; without dashes it is positional. Values are stored in `*value`
  // where they are given.
  Option AddOption(const std::string& names, std::string* value, const std::string& help) const;
  Option AddOption(const std::string& names, std::optional<std::string>* value,
                   const std::string& help) const;
  Option AddOption(const std::string& names, std::vector<std::string>* values,
                   const std::string& help) const;
  Option AddOption(const std::string& names, int64_t* value, const std::string& help) const;
  Option AddOption(const std::string& names, uint64_t* value, const std::string& help) const;
  Option AddFlag(const std::string& names, bool* value, const std::string& help) const;

  // How many of its subcommands are to be given.
  void RequireSubcommands(size_t least, size_t most) const;
  // Text at the end of the help.
  void SetFooter(const std::string& text) const;
  // What the command does; called by Parse once the whole command line was found right, for a
  // subcommand before its parent.
  void SetCallback(std::function<void()> callback) const;

  std::string name() const;
  // `parents`: the names of the commands above, with spaces between.
  std::string Help(const std::string& parents) const;
  // The subcommand of this name.
  std::optional<Command> Find(const std::string& name) const;
  // Whether one of its subcommands was given.
  bool subcommand_given() const;

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  // `--version` prints the name and the version.
  CommandLine(const std::string& name, const std::string& help, const std::string& version);
  ~CommandLine();

  // The program itself, whose subcommands are the commands.
  Command root() const;

  // Calls the callbacks of the commands that were given; or prints help or the version where they
  // were asked for. kInvalidArgument: one line about what is wrong and where to read on. Throws
  // what a callback throws.
  Status Parse(int argc, const char* const* argv) const;

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace sojourn::cli
