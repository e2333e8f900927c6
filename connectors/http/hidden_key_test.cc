#include "connectors/http/hidden_key.h"

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

std::string Hidden(std::string json) {
  HideWriteKeys(&json);
  return json;
}

TEST(HiddenKey, NothingElseChanges) {
  EXPECT_EQ(Hidden(R"({"writeKey":"secret","userId":"ada"})"), R"({"writeKey":"","userId":"ada"})");
  EXPECT_EQ(Hidden("{\"a\":1, \"writeKey\" :\n \"se\\\"cret\"}"),
            "{\"a\":1, \"writeKey\" :\n \"\"}");
  EXPECT_EQ(Hidden(R"([{"writeKey":"one"},{"writeKey":"two"}])"),
            R"([{"writeKey":""},{"writeKey":""}])");
  for (const char* text : {"", R"({"writeKey":12})", R"({"note":"writeKey"})", R"({"writeKey")",
                           R"({"writeKey":)", R"(["writeKey","a"])"}) {
    EXPECT_EQ(Hidden(text), text);
  }
}

TEST(HiddenKey, ManyTakeOnePass) {
  std::string many;
  std::string hidden;
  for (int i = 0; i < 300'000; ++i) {
    many += R"("writeKey":"x",)";
    hidden += R"("writeKey":"",)";
  }
  EXPECT_EQ(Hidden(std::move(many)), hidden);  // to move the rest each time took minutes
}

TEST(HiddenKey, AlsoInWhatIsNoJson) {
  EXPECT_EQ(Hidden(R"({"writeKey":"secret)"), R"({"writeKey":")");
  EXPECT_EQ(Hidden("{\"writeKey\":\"secret\\"), "{\"writeKey\":\"");
  EXPECT_EQ(Hidden(R"(broken "writeKey":"secret" NaN)"), R"(broken "writeKey":"" NaN)");
}

}  // namespace
}  // namespace sojourn::http
