#include "engine/cli/command_line.h"

#include <gtest/gtest.h>

namespace sojourn::cli {
namespace {

using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStdout;

// A program with one command that takes one of everything, and a command with a subcommand.
class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    line_.root().RequireSubcommands(1, 1);
    const Command send = line_.root().AddSubcommand("send", "Sends it");
    send.SetFooter("That is all.");
    send.AddOption("FILE", &file_, "What to send").Required();
    send.AddOption("COPY", &copies_, "More of them");
    send.AddOption("--to,--towards", &to_, "Where to");
    send.AddOption("--format", &format_, "How").OneOf({"text", "json"}).ShowDefault();
    send.AddOption("--colour", &colour_, "Which").OneOf(colours_);
    send.AddOption("--delta", &delta_, "In minutes").Range(-5, 5);
    send.AddOption("--seed", &seed_, "Any");
    const Option yes = send.AddFlag("--yes", &yes_, "Do not ask");
    send.AddFlag("--twice", &twice_, "Once more").Needs(yes);
    send.AddFlag("--never", &never_, "Not at all").Excludes(yes);
    send.SetCallback([this] { calls_.push_back("send"); });
    const Command keys = line_.root().AddSubcommand("keys", "Lists keys");
    keys.AddSubcommand("make", "Makes one").SetCallback([this] { calls_.push_back("make"); });
    keys.SetCallback(
        [this, keys] { calls_.push_back(keys.subcommand_given() ? "keys+" : "keys"); });
  }

  // The words of a command line, after the program's name.
  Status Parse(std::vector<const char*> words) {
    words.insert(words.begin(), "post");
    return line_.Parse(static_cast<int>(words.size()), words.data());
  }
  // What is said about a wrong one, which calls nothing.
  std::string Wrong(std::vector<const char*> words) {
    const Status status = Parse(std::move(words));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(calls_.empty());
    return status.message();
  }

  const std::map<std::string, int> colours_ = {{"red", 1}, {"blue", 2}};
  std::string file_;
  std::vector<std::string> copies_;
  std::optional<std::string> to_;
  std::string format_ = "text";
  std::string colour_;
  int64_t delta_ = 0;
  uint64_t seed_ = 0;
  bool yes_ = false;
  bool twice_ = false;
  bool never_ = false;
  std::vector<std::string> calls_;
  const CommandLine line_{"post", "Sends things", "1.2"};
};

TEST_F(CommandLineTest, StoresWhatIsGivenAndCallsTheCommand) {
  ASSERT_TRUE(Parse({"send", "a", "b", "c", "--towards", "x", "--format=json", "--colour", "red",
                     "--delta", "-5", "--seed", "18446744073709551615", "--yes", "--twice"})
                  .ok());
  EXPECT_EQ(file_, "a");
  EXPECT_EQ(copies_, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(to_, "x");
  EXPECT_EQ(format_, "json");
  EXPECT_EQ(colour_, "red");
  EXPECT_EQ(delta_, -5);
  EXPECT_EQ(seed_, UINT64_MAX);
  EXPECT_TRUE(yes_ && twice_);
  EXPECT_FALSE(never_);
  EXPECT_EQ(calls_, std::vector<std::string>{"send"});
}

TEST_F(CommandLineTest, LeavesAloneWhatIsNotGiven) {
  ASSERT_TRUE(Parse({"send", "a"}).ok());
  EXPECT_EQ(to_, std::nullopt);
  EXPECT_EQ(format_, "text");
  EXPECT_TRUE(copies_.empty());
  EXPECT_FALSE(yes_);
}

TEST_F(CommandLineTest, ACommandKnowsWhetherASubcommandWasGiven) {
  ASSERT_TRUE(Parse({"keys"}).ok());
  EXPECT_EQ(calls_, std::vector<std::string>{"keys"});
  calls_.clear();
  ASSERT_TRUE(Parse({"keys", "make"}).ok());
  EXPECT_EQ(calls_, (std::vector<std::string>{"make", "keys+"}));
}

TEST_F(CommandLineTest, SaysWhatIsWrongInOneLine) {
  EXPECT_EQ(Wrong({}), "a command is missing; see post --help");
  EXPECT_EQ(Wrong({"sned"}), "there is no command sned; see post --help");
  EXPECT_EQ(Wrong({"--fast"}), "there is no flag --fast; see post --help");
  EXPECT_EQ(Wrong({"send"}), "FILE is required; see post help send");
  EXPECT_EQ(Wrong({"send", "a", "--fast"}),
            "The following argument was not expected: --fast; see post help send");
  EXPECT_EQ(Wrong({"send", "a", "--format", "xml"}),
            "--format: xml not in {text,json}; see post help send");
  EXPECT_EQ(Wrong({"send", "a", "--colour", "green"}),
            "--colour: green not in {blue,red}; see post help send");
  EXPECT_EQ(Wrong({"send", "a", "--delta", "6"}),
            "--delta: Value 6 not in range -5 to 5; see post help send");
  EXPECT_EQ(Wrong({"send", "a", "--seed", "some"}),
            "Could not convert: --seed = some; see post help send");
  EXPECT_EQ(Wrong({"send", "a", "--twice"}), "--twice requires --yes; see post help send");
  // Which of the two is named first is not settled.
  const std::string both = Wrong({"send", "a", "--yes", "--never"});
  EXPECT_TRUE(both == "--never excludes --yes; see post help send" ||
              both == "--yes excludes --never; see post help send")
      << both;
}

TEST_F(CommandLineTest, PrintsHelpAndVersionAndCallsNothing) {
  CaptureStdout();
  EXPECT_TRUE(Parse({"--version"}).ok());
  EXPECT_EQ(GetCapturedStdout(), "post 1.2\n");
  CaptureStdout();
  EXPECT_TRUE(Parse({"send", "--help"}).ok());
  const std::string help = GetCapturedStdout();
  EXPECT_TRUE(calls_.empty());
  EXPECT_NE(help.find("Usage: post send [OPTIONS] FILE [COPY...]"), std::string::npos) << help;
  EXPECT_NE(help.find("--format TEXT:{text,json}=text"), std::string::npos) << help;
  EXPECT_NE(help.find("That is all."), std::string::npos) << help;
}

TEST_F(CommandLineTest, FindsCommandsForTheirHelp) {
  const auto keys = line_.root().Find("keys");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->name(), "keys");
  EXPECT_NE(keys->Find("make")->Help("post keys").find("Usage: post keys make"), std::string::npos);
  EXPECT_FALSE(line_.root().Find("make"));
  EXPECT_FALSE(line_.root().Find(""));
}

}  // namespace
}  // namespace sojourn::cli
