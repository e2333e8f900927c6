#include "connectors/smtp/file_transport.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/smtp/mime.h"
#include "connectors/smtp/test_keys.h"

namespace sojourn::smtp {
namespace {

using deliver::SendOutcome;

deliver::Mail MailWithId(const std::string& id) {
  deliver::Mail mail;
  mail.action_id = id;
  mail.from.address = "news@shop.example";
  mail.to = "ada@customer.example";
  mail.subject = "Hello " + id;
  mail.html = "<p>Hello";
  mail.text = "Hello\n";
  mail.feedback_id = "welcome:greeting:marketing:shop";
  mail.date = Timestamp(1772442000000);
  return mail;
}

Status Ready() { return Status::Ok(); }

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class FileTransportTest : public testing::Test {
 protected:
  std::shared_ptr<MailDirectory> Open() const {
    auto directory = MailDirectory::Open(root_.PathOf("out/mails"));
    SOJOURN_CHECK(directory.ok());
    return *directory;
  }

  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(root_.PathOf("out/mails/" + name)).rdbuf();
    return text.str();
  }

  // The ids of the index, in its order.
  std::vector<std::string> Listed() const {
    std::vector<std::string> ids;
    std::istringstream index(Read("index.html"));
    for (std::string line; std::getline(index, line);) {
      if (line.starts_with("<tr id=\"")) ids.push_back(line.substr(8, line.find('"', 8) - 8));
    }
    return ids;
  }

  TemporaryDirectory root_;
};

TEST_F(FileTransportTest, WritesMailPageAndIndex) {
  FileTransport transport(Open(), nullptr);
  const deliver::Mail mail = MailWithId("act_1");
  EXPECT_EQ(transport.Send(mail, &Ready).outcome, SendOutcome::kDelivered);
  EXPECT_EQ(Read("act_1.eml"), *WriteMime(mail));
  EXPECT_TRUE(Contains(Read("act_1.html"), "<p>Hello"));
  EXPECT_TRUE(
      Contains(Read("index.html"),
               "<tr id=\"act_1\"><td><a href=\"act_1.html\">Hello act_1</a></td>"
               "<td>ada@customer.example</td><td>welcome / greeting</td>"
               "<td><time datetime=\"2026-03-02T09:00:00Z\">2026-03-02T09:00:00Z</time></td>"
               "<td><a href=\"act_1.eml\">.eml</a></td></tr>\n"))
      << Read("index.html");
}

TEST_F(FileTransportTest, TheNewestStandFirstAndAMailStandsOnce) {
  FileTransport transport(Open(), nullptr);
  for (const char* id : {"a", "b", "c", "a"}) transport.Send(MailWithId(id), &Ready);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"a", "c", "b"}));
}

TEST_F(FileTransportTest, TheIndexIsContinuedAndBounded) {
  for (size_t i = 0; i < kMaxIndexedMails + 5; i += 50) {
    FileTransport transport(Open(), nullptr);
    for (size_t k = i; k < i + 50; ++k) {
      transport.Send(MailWithId("m" + std::to_string(k)), &Ready);
    }
  }
  const auto listed = Listed();
  ASSERT_EQ(listed.size(), kMaxIndexedMails);
  EXPECT_EQ(listed.front(), "m549");
  EXPECT_EQ(listed.back(), "m50");
  EXPECT_NE(Read("m0.eml"), "");
}

TEST_F(FileTransportTest, HostileTextsAreEscaped) {
  FileTransport transport(Open(), nullptr);
  deliver::Mail mail = MailWithId("../../escape\"><script>");
  mail.subject = "</td><script>alert(1)</script>\r\n<tr id=\"x\"></tr>\xff";
  mail.feedback_id = "<b>:\"'&:x";
  mail.html.clear();
  mail.text = "</pre><script>alert(1)</script>";
  EXPECT_EQ(transport.Send(mail, &Ready).outcome, SendOutcome::kDelivered);
  EXPECT_FALSE(Contains(Read("index.html"), "<script"));
  EXPECT_TRUE(Contains(Read("index.html"), "&lt;b&gt; / &quot;&#39;&amp;"));
  EXPECT_EQ(Listed(), std::vector<std::string>{SafeActionId(mail.action_id)});
  EXPECT_FALSE(Contains(Read(SafeActionId(mail.action_id) + ".html"), "<script"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_.path())) {
    if (entry.is_regular_file()) {
      EXPECT_EQ(entry.path().parent_path(), root_.PathOf("out/mails"));
    }
  }
}

TEST_F(FileTransportTest, NoScriptRunsInAMailsPage) {
  FileTransport transport(Open(), nullptr);
  deliver::Mail mail = MailWithId("act_1");
  mail.html = "<!doctype html><html><script>alert(1)</script>";
  transport.Send(mail, &Ready);
  const std::string page = Read("act_1.html");
  const size_t policy = page.find("default-src 'none'");
  ASSERT_NE(policy, std::string::npos);
  EXPECT_LT(policy, page.find("<script>"));
  EXPECT_FALSE(Contains(page, "script-src"));
}

// As processes do that know nothing of each other.
TEST_F(FileTransportTest, ManyWritersOfOneDirectoryKeepEachOthersRows) {
  const auto first = Open();
  FileTransport early(first, nullptr);
  early.Send(MailWithId("act_1"), &Ready);
  FileTransport late(Open(), nullptr);
  late.Send(MailWithId("act_2"), &Ready);
  early.Send(MailWithId("act_3"), &Ready);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"act_3", "act_2", "act_1"}));
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      FileTransport transport(Open(), nullptr);
      for (int i = 0; i < 20; ++i) {
        transport.Send(MailWithId(fmt::format("m{}_{}", thread, i)), &Ready);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Listed().size(), 83u);
}

TEST_F(FileTransportTest, ManyThreadsWrite) {
  const auto directory = Open();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      FileTransport transport(directory, nullptr);
      for (int i = 0; i < 20; ++i) {
        transport.Send(MailWithId(fmt::format("m{}_{}", thread, i)), &Ready);
        transport.Send(MailWithId("same"), &Ready);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Listed().size(), 81u);
  EXPECT_EQ(Read("same.eml"), *WriteMime(MailWithId("same")));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root_.PathOf("out/mails"))) {
    EXPECT_FALSE(Contains(entry.path().string(), ".partial"));
    ++files;
  }
  EXPECT_EQ(files, 2 * 81u + 1);
}

TEST_F(FileTransportTest, WhereBeforeDataFailsNothingIsWritten) {
  FileTransport transport(Open(), nullptr);
  const auto result =
      transport.Send(MailWithId("act_1"), [] { return Unavailable("the log is full"); });
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater);
  EXPECT_EQ(result.detail, "the log is full");
  EXPECT_EQ(Read("act_1.eml"), "");
}

TEST_F(FileTransportTest, AnUnusableDirectoryIsNamed) {
  std::ofstream(root_.PathOf("file")) << "x";
  const auto opened = MailDirectory::Open(root_.PathOf("file"));
  ASSERT_FALSE(opened.ok());
  EXPECT_TRUE(Contains(opened.status().message(), root_.PathOf("file")));

  FileTransport transport(Open(), nullptr);
  std::filesystem::remove_all(root_.PathOf("out"));
  const auto result = transport.Send(MailWithId("act_1"), &Ready);
  EXPECT_EQ(result.outcome, SendOutcome::kTryLater);
  EXPECT_TRUE(Contains(result.detail, "No such file")) << result.detail;
}

TEST_F(FileTransportTest, ADryRunCountsWhatWouldHaveGone) {
  const auto count = std::make_shared<std::atomic<uint64_t>>(0);
  DryRunTransport transport(count);
  EXPECT_EQ(transport.Send(MailWithId("a"), &Ready).outcome, SendOutcome::kDelivered);
  deliver::Mail bad = MailWithId("b");
  bad.to = "nobody";
  const auto refused = transport.Send(bad, &Ready);
  EXPECT_EQ(refused.outcome, SendOutcome::kRefused);
  EXPECT_TRUE(refused.recipient);
  EXPECT_EQ(transport.Send(MailWithId("c"), [] { return Unavailable("no"); }).outcome,
            SendOutcome::kTryLater);
  EXPECT_EQ(*count, 1u);
}

}  // namespace
}  // namespace sojourn::smtp
