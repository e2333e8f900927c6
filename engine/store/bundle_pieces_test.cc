#include "engine/store/bundle_pieces.h"

#include <gtest/gtest.h>

namespace sojourn::store {
namespace {

std::string List(int codes) {
  std::string list = "code\n";
  for (int i = 0; i < codes; ++i) list += "SPRING-" + std::to_string(i) + "\n";
  return list;
}

FindPiece In(const CutFiles& cut) {
  return [&cut](std::string_view hash) -> Result<std::optional<std::string>> {
    const auto found = cut.pieces.find(std::string(hash));
    if (found == cut.pieces.end()) return std::optional<std::string>();
    return std::optional(std::string(found->second));
  };
}

TEST(BundlePiecesTest, FilesComeBack) {
  const BundleFiles files = {{"company.yaml", "company: x\n"},
                             {"coupons/codes.csv", List(30'000)},
                             {"coupons/edge.csv", std::string(kFilePieceBytes, 'x')}};
  const CutFiles cut = CutLargeFiles(files);
  EXPECT_EQ(cut.files.size(), 3u);
  EXPECT_EQ(cut.files.at("company.yaml"), "company: x\n");
  EXPECT_TRUE(cut.files.contains("coupons/edge.csv"));
  EXPECT_LT(cut.files
                .at("\x01"
                    "coupons/codes.csv")
                .size(),
            1000u);
  const auto joined = JoinFiles(cut.files, In(cut));
  ASSERT_TRUE(joined.ok()) << joined.status().message();
  EXPECT_EQ(*joined, files);
}

TEST(BundlePiecesTest, AListThatGrowsSharesItsPieces) {
  const BundleFiles before = {{"codes.csv", List(100'000)}};
  const BundleFiles after = {{"codes.csv", List(101'000)}};
  const CutFiles old_cut = CutLargeFiles(before);
  size_t added = 0;
  for (const auto& [hash, piece] : CutLargeFiles(after).pieces) {
    if (!old_cut.pieces.contains(hash)) ++added;
  }
  EXPECT_GT(old_cut.pieces.size(), 15u);
  EXPECT_LE(added, 2u);
}

TEST(BundlePiecesTest, AMissingOrChangedPieceIsNoticed) {
  const BundleFiles files = {{"codes.csv", List(30'000)}};
  CutFiles cut = CutLargeFiles(files);
  cut.pieces.begin()->second = "something else";
  EXPECT_EQ(JoinFiles(cut.files, In(cut)).status().code(), StatusCode::kDataLoss);
  cut.pieces.erase(cut.pieces.begin());
  EXPECT_EQ(JoinFiles(cut.files, In(cut)).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sojourn::store
