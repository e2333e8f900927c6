// Diagnostics that no file alone can have: of the directory on disk, and of test files, which are
// judged by the rules beside them. testdata/directory.diag is their golden text, written instead of
// compared with SOJOURN_UPDATE_GOLDENS=1. Together with the goldens of the language it has every
// code that check can give.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "engine/base/limits.h"
#include "engine/language/load.h"
#include "engine/simulate/test_runner.h"

namespace sojourn::simulate {
namespace {

namespace fs = std::filesystem;

fs::path SourceDirectory() {
  const char* directory = std::getenv("SOJOURN_SOURCE_DIR");
  return directory == nullptr ? fs::current_path() : fs::path(directory);
}

std::string ReadAll(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

void Write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

constexpr char kJourney[] = R"(journey: welcome
trigger: {event: Signed Up}
steps:
  - exit: done
)";

constexpr char kLater[] = R"(journey: later
trigger: {event: Signed Up}
steps:
  - wait: 1 day
  - send_email: hello
  - webhook: {url: "https://shop.example/hook"}
)";

constexpr char kTests[] = R"(journeys: [welcom]
tests:
  - name: leaves at once
    start: 2026-03-02T09:00:00Z
    person: {id: ana}
    history: [{at: 1d, track: Signed Up}]
    events: [{at: 0m, track: Signed Up}]
    expect: [{at: 0m, exit: dnoe}, {at: 0m, skipped: no_adress}]
)";

// Each entry asks for what can never be.
constexpr char kNeverSeen[] = R"(journeys: [welcome]
tests:
  - name: leaves at once
    start: 2026-03-02T09:00:00Z
    person: {id: [ana]}
    force: {holdout: yes}
    events: [{at: -1d, track: Signed Up}]
    until: 1d
    expect: [{at: 0m, enter: later}, {at: 0m, webhook: "https://shop.example/hok"}, {at: 2d, goal: true}]
  - name: leaves at once
    start: 2026-03-02T09:00:00Z
    person: {id: ana}
    until: -1h
    expect: [{at: 0m, send_sms: hello}]
)";

// A rules directory with good rules and bad tests.
fs::path MakeDirectory() {
  const fs::path directory = fs::path(testing::TempDir()) / "diagnostics-golden";
  fs::remove_all(directory);
  Write(directory / "journeys/welcome.yaml", kJourney);
  Write(directory / "journeys/later.yaml", kLater);
  Write(directory / "templates/hello.liquid", "---\ntemplate: hello\nsubject: Hello\n---\nHello\n");
  Write(directory / "tests/welcome.test.yaml", kTests);
  Write(directory / "tests/never-seen.test.yaml", kNeverSeen);
  return directory;
}

std::string TextOf(const std::vector<language::Diagnostic>& diagnostics) {
  return FormatDiagnostics(diagnostics, language::DiagnosticFormat::kText);
}

std::string OfTests(const fs::path& directory) {
  std::vector<language::Diagnostic> diagnostics;
  const auto files = language::ReadRulesDirectory(directory.string(), &diagnostics);
  const auto loaded = language::LoadBundle(*files);
  EXPECT_NE(loaded.bundle, nullptr);
  return TextOf(CheckTests(*loaded.bundle, {{"tests/welcome.test.yaml", kTests},
                                            {"tests/never-seen.test.yaml", kNeverSeen}}));
}

std::string OfDisk(const fs::path& directory) {
  Write(directory / "segments/large.yaml", std::string(kMaxRuleFileBytes + 1, '#'));
  fs::create_symlink("nowhere.yaml", directory / "segments/dangling.yaml");
  fs::create_symlink("/etc/passwd", directory / "segments/outside.yaml");
  std::vector<language::Diagnostic> diagnostics;
  EXPECT_TRUE(language::ReadRulesDirectory(directory.string(), &diagnostics).ok());
  return TextOf(diagnostics);
}

TEST(DiagnosticsGolden, DirectoriesAndTests) {
  const fs::path directory = MakeDirectory();
  const std::string actual = OfTests(directory) + OfDisk(directory);
  const fs::path golden = SourceDirectory() / "engine/simulate/testdata/directory.diag";
  if (std::getenv("SOJOURN_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(golden, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(ReadAll(golden), actual);
}

TEST(DiagnosticsGolden, EveryCodeHasOne) {
  std::string goldens;
  for (const char* module : {"language", "simulate"}) {
    const fs::path testdata = SourceDirectory() / "engine" / module / "testdata";
    for (const auto& entry : fs::directory_iterator(testdata)) {
      if (entry.path().extension() == ".diag") goldens += ReadAll(entry.path());
    }
  }
  for (const language::DiagnosticKind& kind : language::DiagnosticTable()) {
    EXPECT_NE(goldens.find("[" + std::string(kind.code) + "]"), std::string::npos)
        << kind.code << " (" << kind.title << ") has no golden text";
  }
}

}  // namespace
}  // namespace sojourn::simulate
