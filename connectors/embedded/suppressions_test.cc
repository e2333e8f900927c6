#include "engine/deliver/suppression.h"

#include <gtest/gtest.h>

#include <vector>

#include "connectors/embedded/embedded_log.h"
#include "connectors/embedded/rows.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

using deliver::AddressHash;
using deliver::Suppression;
using deliver::SuppressionReason;

class SuppressionsTest : public testing::Test {
 protected:
  SuppressionsTest() { Open(); }

  void Open() {
    log_.reset();
    EmbeddedOptions options;
    options.directory = directory_.path() + "/data";
    auto log = EmbeddedLog::Open(options);
    ASSERT_TRUE(log.ok()) << log.status().message();
    log_ = *std::move(log);
  }

  deliver::SuppressionList& list() { return *log_->suppressions(); }

  static Suppression Entry(uint8_t first, SuppressionReason reason, int64_t since) {
    Suppression entry;
    entry.hash.fill(0xee);
    entry.hash[0] = first;
    entry.reason = reason;
    entry.since = Timestamp(since);
    return entry;
  }

  std::vector<int> FirstBytes(const AddressHash& from = {}) {
    std::vector<int> bytes;
    EXPECT_TRUE(list()
                    .ForEach(from,
                             [&](const Suppression& entry) {
                               bytes.push_back(entry.hash[0]);
                               return true;
                             })
                    .ok());
    return bytes;
  }

  store::TemporaryDirectory directory_;
  std::unique_ptr<EmbeddedLog> log_;
};

TEST_F(SuppressionsTest, KeepsWhatItIsGiven) {
  const std::vector entries = {Entry(200, SuppressionReason::kBounced, 5),
                               Entry(3, SuppressionReason::kComplained, -7),
                               Entry(200, SuppressionReason::kManual, 9)};
  EXPECT_EQ(*list().Add(entries), 2U);
  Open();
  EXPECT_EQ(FirstBytes(), (std::vector{3, 200}));
  const auto found = *list().Find(entries[0].hash);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hash, entries[0].hash);
  EXPECT_EQ(found->reason, SuppressionReason::kBounced);
  EXPECT_EQ(found->since, Timestamp(5));
  EXPECT_EQ((*list().Find(entries[1].hash))->since, Timestamp(-7));
  // The first reason stays.
  EXPECT_EQ(*list().Add(entries), 0U);
  EXPECT_EQ((*list().Find(entries[0].hash))->reason, SuppressionReason::kBounced);
  EXPECT_FALSE(list().Find(AddressHash{})->has_value());
}

TEST_F(SuppressionsTest, RemovesForGood) {
  const std::vector entries = {Entry(1, SuppressionReason::kManual, 1),
                               Entry(2, SuppressionReason::kManual, 2)};
  ASSERT_TRUE(list().Add(entries).ok());
  EXPECT_TRUE(*list().Remove(entries[0].hash));
  EXPECT_FALSE(*list().Remove(entries[0].hash));
  Open();
  EXPECT_EQ(FirstBytes(), std::vector{2});
}

TEST_F(SuppressionsTest, WalksFromAPlaceAndStops) {
  std::vector<Suppression> entries;
  for (const uint8_t first : {9, 1, 255, 128}) {
    entries.push_back(Entry(first, SuppressionReason::kManual, first));
  }
  ASSERT_TRUE(list().Add(entries).ok());
  EXPECT_EQ(FirstBytes(), (std::vector{1, 9, 128, 255}));
  EXPECT_EQ(FirstBytes(entries[3].hash), (std::vector{128, 255}));
  int count = 0;
  ASSERT_TRUE(list().ForEach({}, [&](const Suppression&) { return ++count < 2; }).ok());
  EXPECT_EQ(count, 2);
}

TEST(SuppressionRows, RefuseDamage) {
  Suppression entry;
  entry.hash.fill(7);
  const std::string key = SuppressionKey(entry.hash);
  const std::string row = EncodeSuppression(entry);
  EXPECT_TRUE(DecodeSuppression(key, row).ok());
  EXPECT_FALSE(DecodeSuppression(key.substr(1), row).ok());
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(DecodeSuppression(key, row.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeSuppression(key, row + "x").ok());
  std::string newer = row;
  newer[0] = 2;
  EXPECT_FALSE(DecodeSuppression(key, newer).ok());
  std::string unknown = row;
  unknown[1] = 99;
  EXPECT_FALSE(DecodeSuppression(key, unknown).ok());
}

}  // namespace
}  // namespace sojourn::embedded
