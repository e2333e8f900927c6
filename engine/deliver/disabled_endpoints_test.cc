#include "engine/deliver/disabled_endpoints.h"

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

constexpr Timestamp kNow{1772442000000};

TEST(DisabledEndpoints, AreDisabledOnceAndUntilTheTextSaysOtherwise) {
  DisabledEndpoints endpoints;
  EXPECT_TRUE(endpoints.Disable("https://crm.example/hook", kNow));
  EXPECT_FALSE(endpoints.Disable("https://crm.example/hook", kNow + Seconds(1)));
  EXPECT_TRUE(endpoints.Has("https://crm.example/hook"));
  EXPECT_FALSE(endpoints.Has("https://crm.example/other"));
  EXPECT_EQ(endpoints.unwritten().size(), 1u);

  endpoints.Take({});  // a text from before it
  EXPECT_TRUE(endpoints.Has("https://crm.example/hook"));
  endpoints.Take({{"https://crm.example/hook", kNow}});
  EXPECT_TRUE(endpoints.unwritten().empty());
  EXPECT_TRUE(endpoints.Has("https://crm.example/hook"));
  endpoints.Take({});  // enabled
  EXPECT_FALSE(endpoints.Has("https://crm.example/hook"));
  EXPECT_TRUE(endpoints.urls().empty());
}

TEST(DisabledEndpoints, AreKeptAsText) {
  const DisabledEndpoints::Urls urls = {{"https://a.example/x", kNow}, {"https://b.example", kNow}};
  const auto read = DecodeDisabled(EncodeDisabled(urls));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, urls);
  EXPECT_TRUE(DecodeDisabled("").ok());
  for (const char* damaged : {"[]", "{", R"({"https://a.example": "x"})"}) {
    EXPECT_EQ(DecodeDisabled(damaged).status().code(), StatusCode::kDataLoss) << damaged;
  }
}

}  // namespace
}  // namespace sojourn::deliver
