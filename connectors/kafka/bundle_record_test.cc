#include "connectors/kafka/bundle_record.h"

#include <gtest/gtest.h>

namespace sojourn::kafka {
namespace {

using Files = std::map<std::string, std::string>;

std::map<std::string, std::string> Records(uint32_t number, const Files& files) {
  std::map<std::string, std::string> records;
  for (auto& [key, value] : EncodeBundle(number, files)) records[key] = value;
  return records;
}

TEST(BundleRecord, ComesBackAsItWas) {
  const Files files = {{"company.yaml", "company: x\n"}, {"empty.yaml", ""}};
  const auto bundles = DecodeBundles(Records(7, files));
  ASSERT_TRUE(bundles.ok());
  ASSERT_EQ(bundles->size(), 1u);
  EXPECT_EQ(bundles->front().number, 7u);
  EXPECT_EQ(bundles->front().files, files);
}

TEST(BundleRecord, OfNoFilesIsStillABundle) {
  const auto bundles = DecodeBundles(Records(1, {}));
  ASSERT_TRUE(bundles.ok());
  ASSERT_EQ(bundles->size(), 1u);
  EXPECT_TRUE(bundles->front().files.empty());
}

TEST(BundleRecord, IsCutIntoPieces) {
  const Files files = {{"codes.csv", std::string(2 * kBundlePieceBytes, 'c')}};
  auto records = Records(2, files);
  EXPECT_EQ(records.size(), 3u);
  for (const auto& [key, value] : records) EXPECT_LE(value.size(), kBundlePieceBytes + 4);
  records.merge(Records(11, {{"a", "b"}}));
  const auto bundles = DecodeBundles(records);
  ASSERT_TRUE(bundles.ok());
  ASSERT_EQ(bundles->size(), 2u);
  EXPECT_EQ(bundles->front().files, files);
  EXPECT_EQ(bundles->back().number, 11u);
}

TEST(BundleRecord, NoticesWhatIsMissingOrBroken) {
  const Files files = {{"codes.csv", std::string(2 * kBundlePieceBytes, 'c')}};
  auto missing = Records(2, files);
  missing.erase(std::next(missing.begin()));
  EXPECT_EQ(DecodeBundles(missing).status().code(), StatusCode::kDataLoss);
  auto cut = Records(2, {{"a", "b"}});
  cut.begin()->second.pop_back();
  EXPECT_EQ(DecodeBundles(cut).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeBundles({{"0000000001/0000000000", ""}}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeBundles({{"hello", "world"}}).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sojourn::kafka
