// `sojourn init`: a rules directory to begin with.

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "engine/cli/commands.h"
#include "engine/cli/schemas.h"
#include "engine/cli/starter_files.h"

namespace sojourn::cli {
namespace {

namespace fs = std::filesystem;

// A new or an empty directory: nothing is ever overwritten.
Status MakeEmptyDirectory(const fs::path& directory) {
  std::error_code error;
  const bool exists = fs::exists(directory, error);
  if (exists && !fs::is_directory(directory, error)) {
    return InvalidArgument(fmt::format(
        "{} is not a directory; name a new one: sojourn init DIRECTORY", directory.string()));
  }
  if (exists && !fs::is_empty(directory, error) && !error) {
    return InvalidArgument(
        fmt::format("{} is not empty, and nothing is overwritten; name a new directory: sojourn "
                    "init DIRECTORY",
                    directory.string()));
  }
  if (!error) fs::create_directories(directory, error);
  if (!error) return Status();
  return Internal(fmt::format("cannot make {}: {}", directory.string(), error.message()));
}

// Fails where the file is there already.
Status WriteNew(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::FILE* file = std::fopen(path.c_str(), "wbx");
  if (file == nullptr) {
    return Internal(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  if (written && closed) return Status();
  return Internal(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

// What a shell reads as this one word.
std::string ShellWord(const std::string& text) {
  const bool plain = text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_./-") == std::string::npos;
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string NextSteps(const std::string& directory, size_t files, bool opted_in) {
  const std::string rules = ShellWord(directory);
  const std::string habit =
      opted_in ? "Whoever signs up gets the welcome mails, until they unsubscribe."
               : "Whoever signs up is asked by mail first: marketing mail goes to those who "
                 "confirm\n(journeys/confirm-subscription.yaml). With --opted-in it goes to "
                 "whoever signs up.";
  return fmt::format(
      R"({} files are in {}. Begin with company.yaml: name, address, time zone, sender.

{}

  sojourn check {} --strict      are they right?
  sojourn test {} --coverage     do they do what is meant?
  sojourn run --rules {}         run them; mails are written to data/mail

While it runs, in another terminal:

  curl http://127.0.0.1:8080/v1/identify -H 'Content-Type: application/json' \
    -d '{{"userId": "u1", "traits": {{"email": "u1@shop.example"}}}}'
  curl http://127.0.0.1:8080/v1/track -H 'Content-Type: application/json' \
    -d '{{"userId": "u1", "event": "Signed Up"}}'
)",
      files, directory, habit, rules, rules, rules);
}

int Init(const std::string& directory, bool opted_in) {
  if (const Status status = MakeEmptyDirectory(directory); !status.ok()) return Fail(status);
  std::map<std::string, std::string> files = StarterFiles(opted_in);
  files.emplace("schema.json", RulesSchema());  // the files' first lines name it
  for (const auto& [path, text] : files) {
    const Status status = WriteNew(fs::path(directory) / path, text);
    if (!status.ok()) return Fail(status);
  }
  std::fputs(NextSteps(directory, files.size(), opted_in).c_str(), stdout);
  return 0;
}

}  // namespace

void AddInitCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("init", "Writes a rules directory to begin with");
  auto directory = std::make_shared<std::string>("rules");
  auto opted_in = std::make_shared<bool>(false);
  command.AddOption("DIRECTORY", directory.get(), "A new or empty directory").ShowDefault();
  command.AddFlag("--opted-in", opted_in.get(),
                  "Who signs up gets marketing mail; without this, who confirms by a click");
  command.SetFooter(
      "The rules: a company, a catalogue, a welcome, an abandoned cart, templates, and tests of\n"
      "all of them. They check without warnings and pass their tests.");
  command.SetCallback([=] { *exit_code = Init(*directory, *opted_in); });
}

}  // namespace sojourn::cli
