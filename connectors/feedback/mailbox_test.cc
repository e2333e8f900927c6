#include "connectors/feedback/mailbox.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/feedback/report_mail.h"

namespace sojourn::feedback {
namespace {

using Mails = std::vector<std::string>;

class MailboxTest : public testing::Test {
 protected:
  MailboxTest() : directory_(testing::TempDir() + fmt::format("mailbox_test_{}", getpid())) {
    std::filesystem::create_directories(directory_);
    path_ = directory_ + "/mail";
  }
  ~MailboxTest() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& text, bool anew = false) {
    std::ofstream(path_, anew ? std::ios::trunc : std::ios::app) << text;
  }
  void Open(const std::string& progress = "") {
    auto opened = Mailbox::Open(path_, progress);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    mailbox_ = *std::move(opened);
  }
  Mails Next() {
    const auto mails = mailbox_->Next();
    EXPECT_TRUE(mails.ok()) << mails.status().message();
    return mails.ok() ? *mails : Mails();
  }
  // What comes in two looks, done.
  Mails Take() {
    Mails all;
    for (int i = 0; i < 2; ++i) {
      for (std::string& mail : Next()) all.push_back(std::move(mail));
      EXPECT_TRUE(mailbox_->Done().ok());
    }
    return all;
  }

  std::string directory_;
  std::string path_;
  std::unique_ptr<Mailbox> mailbox_;
};

TEST_F(MailboxTest, AFileThatGrows) {
  Open();
  EXPECT_EQ(Take(), Mails());  // there is none yet
  Write("From a\nSubject: 1\n\nx\n\nFrom b\nSubject: 2\n");
  // The last one may be half written.
  EXPECT_EQ(Next(), Mails{"Subject: 1\n\nx\n\n"});
  EXPECT_TRUE(mailbox_->Done().ok());
  Write("\ny\n");
  EXPECT_EQ(Next(), Mails());
  EXPECT_TRUE(mailbox_->Done().ok());
  EXPECT_EQ(Take(), Mails{"Subject: 2\n\ny\n"});
  EXPECT_EQ(Take(), Mails());
  Write("From c\n3\n");
  EXPECT_EQ(Take(), Mails{"3\n"});
}

TEST_F(MailboxTest, WhatIsNotDoneComesAgain) {
  Write("From a\n1\nFrom b\n2\nFrom c\n3\n");
  Open();
  EXPECT_EQ(Next(), (Mails{"1\n", "2\n"}));
  EXPECT_EQ(Next(), (Mails{"1\n", "2\n", "3\n"}));
  Open();
  EXPECT_EQ(Next().size(), 2u);
  EXPECT_TRUE(mailbox_->Done().ok());
  const std::string progress = mailbox_->progress();
  Open(progress);
  EXPECT_EQ(Take(), Mails{"3\n"});
}

TEST_F(MailboxTest, AnotherFileIsReadFromItsBeginning) {
  Write("From a\n1\nFrom b\n2\n");
  Open();
  EXPECT_EQ(Take().size(), 2u);
  Write("From c\n3\n", /*anew=*/true);  // shorter
  EXPECT_EQ(Take(), Mails{"3\n"});
  Write("From d\n4444444444444444444444\nFrom e\n5\n", /*anew=*/true);  // longer
  EXPECT_EQ(Take().size(), 2u);
  Open("17 0011");
  EXPECT_EQ(Take().size(), 2u);
  Open("nonsense");
  EXPECT_EQ(Take().size(), 2u);
  std::filesystem::remove(path_);
  EXPECT_EQ(Take(), Mails());
  Write("From f\n6\n");
  EXPECT_EQ(Take(), Mails{"6\n"});
}

TEST_F(MailboxTest, WhatIsNoMailIsPassedOver) {
  Write("no mail\nat all\nFrom a\n1\n>From b\nFrom: c\nFrom");
  Open();
  EXPECT_EQ(Take(), Mails{"1\n>From b\nFrom: c\nFrom"});
  Write("\nFrom");
  EXPECT_EQ(Take(), Mails());
  Write(" d\n4\n");
  EXPECT_EQ(Take(), Mails{"4\n"});
}

TEST_F(MailboxTest, MailsOfAnyLength) {
  Write("From a\n1\nFrom b\n" + std::string(2 * kMaxMailboxChunkBytes, 'x') + "\nFrom c\n3\n");
  Open();
  Mails all;
  for (int i = 0; i < 5; ++i) {
    for (std::string& mail : Take()) all.push_back(std::move(mail));
  }
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0], "1\n");
  EXPECT_EQ(all[1], std::string(kMaxReportBytes, 'x'));
  EXPECT_EQ(all[2], "3\n");
}

TEST_F(MailboxTest, ManyMailsComeInPieces) {
  for (size_t i = 0; i < kMaxMailsAtOnce + 1; ++i) Write("From a\nx\n");
  Open();
  EXPECT_EQ(Next().size(), kMaxMailsAtOnce);
  EXPECT_TRUE(mailbox_->Done().ok());
  EXPECT_EQ(Take().size(), 1u);
}

TEST_F(MailboxTest, AMaildir) {
  for (const char* folder : {"/new", "/cur", "/tmp"}) {
    std::filesystem::create_directories(path_ + folder);
  }
  std::ofstream(path_ + "/new/2.b") << "second";
  std::ofstream(path_ + "/new/1.a") << "first";
  std::ofstream(path_ + "/new/.hidden") << "x";
  std::ofstream(path_ + "/tmp/3.c") << "not yet";
  Open();
  EXPECT_EQ(Next(), (Mails{"first", "second"}));
  EXPECT_EQ(Next(), (Mails{"first", "second"}));
  std::filesystem::remove(path_ + "/new/2.b");  // by somebody else
  EXPECT_TRUE(mailbox_->Done().ok());
  EXPECT_TRUE(std::filesystem::exists(path_ + "/cur/1.a:2,S"));
  EXPECT_EQ(Take(), Mails());
  std::filesystem::rename(path_ + "/tmp/3.c", path_ + "/new/3.c");
  Open(mailbox_->progress());
  EXPECT_EQ(Take(), Mails{"not yet"});
}

TEST_F(MailboxTest, OtherDirectoriesAreNone) {
  std::filesystem::create_directories(path_ + "/new");
  const auto opened = Mailbox::Open(path_, "");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sojourn::feedback
