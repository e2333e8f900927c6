#include "connectors/http/http_message.h"

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Request WithAuthorization(std::string value) {
  Request request;
  request.headers = {{"Host", "x"}, {"AUTHORIZATION", std::move(value)}};
  return request;
}

TEST(HttpMessage, Queries) {
  EXPECT_EQ(ParseQuery("a=1&b=x%20y+z&c&&=d&e=%zz%4"),
            (Pairs{{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"", "d"}, {"e", "%zz%4"}}));
  EXPECT_EQ(ParseQuery(""), Pairs{});
  const std::string text = "a b&c=d%+\xc3\xa4\n-_.~";
  EXPECT_EQ(EncodeQueryText(text), "a%20b%26c%3Dd%25%2B%C3%A4%0A-_.~");
  EXPECT_EQ(ParseQuery("x=" + EncodeQueryText(text)), (Pairs{{"x", text}}));
}

TEST(HttpMessage, BasicUsers) {
  EXPECT_EQ(BasicUser(WithAuthorization("Basic a2V5Og==")), "key");
  EXPECT_EQ(BasicUser(WithAuthorization("basic a2V5OnBhc3M=")), "key");
  EXPECT_EQ(BasicUser(WithAuthorization("Basic a2V5")), "key");
  EXPECT_EQ(BasicUser(WithAuthorization("Basic a!")), std::nullopt);
  EXPECT_EQ(BasicUser(WithAuthorization("Bearer a2V5Og==")), std::nullopt);
  EXPECT_EQ(BasicUser(WithAuthorization("Basic")), std::nullopt);
  EXPECT_EQ(BasicUser(Request()), std::nullopt);
}

TEST(HttpMessage, BearerTokens) {
  EXPECT_EQ(BearerToken(WithAuthorization("Bearer abc")), "abc");
  EXPECT_EQ(BearerToken(WithAuthorization("Basic abc")), std::nullopt);
}

TEST(HttpMessage, Errors) {
  EXPECT_EQ(ErrorResponse(400, "say \"what\"").body,
            R"({"success":false,"error":"say \"what\"","code":"invalid_request",)"
            R"("message":"say \"what\""})"
            "\n");
  EXPECT_EQ(ErrorResponse(503, "").headers, (Pairs{{"Retry-After", "1"}}));
  EXPECT_EQ(ErrorResponse(400, "").headers, Pairs{});
}

}  // namespace
}  // namespace sojourn::http
