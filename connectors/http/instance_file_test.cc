#include "connectors/http/instance_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

class InstanceFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = ::testing::TempDir() + "/sojourn_instance_" + test->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST_F(InstanceFileTest, RoundTripsAndIsTheOwnersOnly) {
  ASSERT_TRUE(WriteInstanceFile(directory_, {{"127.0.0.1", 8080}, "old", 1}).ok());
  ASSERT_TRUE(WriteInstanceFile(directory_, {{"::1", 9090}, "token", 42}).ok());
  const auto instance = ReadInstanceFile(directory_);
  ASSERT_TRUE(instance.ok()) << instance.status().message();
  EXPECT_EQ(instance->place.address, "::1");
  EXPECT_EQ(instance->place.port, 9090);
  EXPECT_EQ(instance->token, "token");
  EXPECT_EQ(instance->process_id, 42);
  struct stat file {};
  ASSERT_EQ(stat((directory_ + "/instance.json").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  RemoveInstanceFile(directory_);
  EXPECT_EQ(ReadInstanceFile(directory_).status().code(), StatusCode::kNotFound);
}

TEST_F(InstanceFileTest, BrokenFilesAreSaidSo) {
  for (const char* text :
       {"", "{", "[]", R"({"address":"x","port":70000,"token":"","process_id":1})",
        R"({"address":"x","port":1,"token":""})"}) {
    std::ofstream(directory_ + "/instance.json") << text;
    EXPECT_EQ(ReadInstanceFile(directory_).status().message(),
              directory_ + "/instance.json is not an instance file; remove it");
  }
}

TEST_F(InstanceFileTest, AMissingDirectoryIsNamed) {
  const Status status = WriteInstanceFile(directory_ + "/none", {});
  EXPECT_EQ(status.message(),
            "cannot write " + directory_ + "/none/instance.json.new: No such file or directory");
}

TEST_F(InstanceFileTest, TokensDiffer) {
  const auto first = NewToken();
  const auto second = NewToken();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->size(), 64u);
  EXPECT_NE(*first, *second);
}

}  // namespace
}  // namespace sojourn::http
