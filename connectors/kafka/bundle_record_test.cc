#include "connectors/kafka/bundle_record.h"

#include <algorithm>

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

// Small files, more of them than one record holds.
Files ManyFiles() {
  Files files;
  for (int i = 0; i < 40; ++i) files["t" + std::to_string(i)] = std::string(50'000, 'x');
  return files;
}

TEST(BundleRecord, IsCutIntoPieces) {
  auto records = Records(2, ManyFiles());
  EXPECT_EQ(records.size(), 4u);
  for (const auto& [key, value] : records) EXPECT_LE(value.size(), kBundlePieceBytes + 4);
  records.merge(Records(11, {{"a", "b"}}));
  const auto bundles = DecodeBundles(records);
  ASSERT_TRUE(bundles.ok());
  ASSERT_EQ(bundles->size(), 2u);
  EXPECT_EQ(bundles->front().files, ManyFiles());
  EXPECT_EQ(bundles->back().number, 11u);
}

TEST(BundleRecord, LargeFilesAreSharedInPieces) {
  std::string list;
  for (int i = 0; i < 50'000; ++i) list += "SPRING-" + std::to_string(i) + "\n";
  auto records = Records(2, {{"codes.csv", list}});
  const size_t before = records.size();
  EXPECT_GT(before, 9u);
  records.merge(Records(3, {{"codes.csv", list + "SPRING-X\n"}}));
  EXPECT_EQ(records.size(), before + 2);  // the last piece, and the bundle
  auto bundles = DecodeBundles(records);
  ASSERT_TRUE(bundles.ok()) << bundles.status().message();
  EXPECT_EQ(bundles->front().files.at("codes.csv"), list);
  EXPECT_EQ(bundles->back().files.at("codes.csv"), list + "SPRING-X\n");
  const auto piece = std::ranges::find_if(records, [](auto& it) { return IsPieceKey(it.first); });
  records.erase(piece);
  EXPECT_EQ(DecodeBundles(records).status().code(), StatusCode::kDataLoss);
}

TEST(BundleRecord, NoticesWhatIsMissingOrBroken) {
  auto missing = Records(2, ManyFiles());
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
