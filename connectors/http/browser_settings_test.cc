#include "connectors/http/browser_settings.h"

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

Request From(std::string host) {
  return {"GET", "/v1/projects/k/settings", {}, {{"Host", std::move(host)}}, ""};
}

TEST(BrowserSettings, APathNamesAKey) {
  EXPECT_EQ(KeyOfSettingsPath("/v1/projects/k%2B1/settings"), "k+1");
  EXPECT_EQ(KeyOfSettingsPath("/v1/projects/a/b/settings"), "a/b");
  for (const char* path : {"/v1/projects/", "/v1/projects/settings", "/v1/projects//settings",
                           "/v1/projects/k/integrations", "/v2/projects/k/settings"}) {
    EXPECT_EQ(KeyOfSettingsPath(path), std::nullopt) << path;
  }
}

TEST(BrowserSettings, SayWhereTheBrowserFoundUs) {
  EXPECT_EQ(SettingsForBrowsers("k\"1", From("events.shop.example:8443"), true).body,
            R"({"integrations":{"Segment.io":{"apiKey":"k\"1",)"
            R"("apiHost":"events.shop.example:8443/v1","protocol":"https"}},)"
            R"("metrics":{"sampleRate":0,"host":"events.shop.example:8443/v1",)"
            R"("protocol":"https"}})"
            "\n");
  Request proxied = From("[::1]:80");
  EXPECT_NE(SettingsForBrowsers("k", proxied, false).body.find(R"("protocol":"http")"),
            std::string::npos);
  proxied.headers.emplace_back("X-Forwarded-Proto", "https");
  EXPECT_NE(SettingsForBrowsers("k", proxied, false).body.find(R"("protocol":"https")"),
            std::string::npos);
}

TEST(BrowserSettings, AHostThatIsNoneIsRefused) {
  for (const char* host : {"", "a b", "a/b", "a\xff", "a@b"}) {
    EXPECT_EQ(SettingsForBrowsers("k", From(host), true).status, 400) << host;
  }
}

}  // namespace
}  // namespace sojourn::http
