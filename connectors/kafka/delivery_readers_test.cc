#include "connectors/kafka/delivery_readers.h"

#include <gtest/gtest.h>

#include <set>

namespace sojourn::kafka {
namespace {

using Offsets = std::vector<Offset>;

const Offsets kEnds = {Offset(120), Offset(94)};
constexpr std::string_view kBoth[] = {"mail", "webhooks"};

TEST(DeliveryReaders, NothingOfOneIsTheOthers) {
  KafkaConfig config;
  config.app = "shop";
  config.instance = "2";
  EXPECT_EQ(GroupOf(config, kMailReader), "shop.mail");
  EXPECT_EQ(GroupOf(config, kWebhookReader), "shop.webhooks");
  EXPECT_EQ(MemberOf(config, kMailReader), "shop-2-mail");
  EXPECT_EQ(MemberOf(config, kWebhookReader), "shop-2-webhooks");
  std::set<std::string_view> keys;
  std::set<std::string_view> channels;
  for (const DeliveryReader& reader : kDeliveryReaders) {
    EXPECT_TRUE(reader.cursor_key.starts_with(kCursorKey));
    keys.insert(reader.cursor_key);
    channels.insert(reader.channel);
  }
  EXPECT_EQ(keys.size(), kDeliveryReaders.size());
  EXPECT_EQ(channels.size(), kDeliveryReaders.size());
}

TEST(DeliveryReaders, AreFoundByTheirNames) {
  for (const DeliveryReader& reader : kDeliveryReaders) {
    const auto found = FindDeliveryReader(reader.name);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->cursor_key, reader.cursor_key);
  }
  EXPECT_EQ(FindDeliveryReader("pigeons").status().code(), StatusCode::kInvalidArgument);
}

// Somebody may have called what was decided before; mails wait for a relay that is set up later.
TEST(ReaderStarts, OnlyMailsBeginAtTheBeginning) {
  ReaderStarts starts;
  EXPECT_TRUE(AddReaders(kBoth, kEnds, &starts));
  EXPECT_EQ(starts.at("mail"), (Offsets{Offset(0), Offset(0)}));
  EXPECT_EQ(starts.at("webhooks"), kEnds);
}

TEST(ReaderStarts, MailsThatAreNewBesideOthersBeginWithWhatComes) {
  ReaderStarts starts = {{"webhooks", {Offset(7), Offset(8)}}};
  EXPECT_TRUE(AddReaders(kBoth, kEnds, &starts));
  EXPECT_EQ(starts.at("mail"), kEnds);
  EXPECT_EQ(starts.at("webhooks"), (Offsets{Offset(7), Offset(8)}));
}

TEST(ReaderStarts, WebhooksThatAreNewBesideMailsBeginWithWhatComes) {
  ReaderStarts starts = {{"mail", {Offset(0), Offset(0)}}};
  EXPECT_TRUE(AddReaders(kBoth, kEnds, &starts));
  EXPECT_EQ(starts.at("mail"), (Offsets{Offset(0), Offset(0)}));
  EXPECT_EQ(starts.at("webhooks"), kEnds);
}

TEST(ReaderStarts, AreForGood) {
  ReaderStarts starts = {{"mail", {Offset(0), Offset(0)}}, {"webhooks", kEnds}};
  const Offsets later = {Offset(500), Offset(500)};
  EXPECT_FALSE(AddReaders(kBoth, later, &starts));
  EXPECT_EQ(starts.at("webhooks"), kEnds);
}

TEST(ReaderStarts, RoundTrip) {
  const ReaderStarts starts = {{"mail", {Offset(0), Offset(0)}}, {"webhooks", kEnds}};
  const std::string text = EncodeReaderStarts(starts);
  EXPECT_EQ(text, R"({"mail":[0,0],"webhooks":[120,94]})");
  const auto decoded = DecodeReaderStarts(text, 2);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(*decoded, starts);
  const auto none = DecodeReaderStarts("", 2);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

TEST(ReaderStarts, DamagedOnesAreRefused) {
  for (const char* text : {"[", "[]", R"({"mail":7})", R"({"mail":[1]})", R"({"mail":[1,"2"]})",
                           R"({"mail":[1,-2]})", R"({"mail":[1,2,3]})"}) {
    EXPECT_EQ(DecodeReaderStarts(text, 2).status().code(), StatusCode::kDataLoss) << text;
  }
}

}  // namespace
}  // namespace sojourn::kafka
