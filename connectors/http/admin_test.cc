#include "connectors/http/admin.h"

#include <gtest/gtest.h>

#include "connectors/http/http_client.h"

namespace sojourn::http {
namespace {

class AdminTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AdminHandlers handlers;
    handlers.ready = [this] { return ready_; };
    handlers.metrics = [] { return "sojourn_build_info 1\n"; };
    handlers.reload = [](const Request&) { return ToResponse(Status::Ok()); };
    handlers.actions = [](const Request& request) {
      const std::string from(request.Query("from").value_or("start"));
      return Response{200, "{\"from\":\"" + from + "\"}\n", "application/x-ndjson"};
    };
    handlers.person = [](const Request&) { return Response{200, "record"}; };
    auto server = HttpServer::Start(
        {.port = 0}, AdminRoutes({"secret", {{"ada", SecretHash::Of("ada's token")}}}, handlers),
        nullptr);
    ASSERT_TRUE(server.ok());
    server_ = std::move(server).value();
  }

  Response Ask(const std::string& method, const std::string& path, const std::string& token = "") {
    Request request{method, path, {}, {}, ""};
    if (!token.empty()) request.headers = {{"Authorization", "Bearer " + token}};
    auto response = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
    EXPECT_TRUE(response.ok());
    return response.ok() ? *response : Response{};
  }

  Status ready_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AdminTest, OpenPathsNeedNoToken) {
  EXPECT_EQ(Ask("GET", "/-/healthy").body, "healthy\n");
  EXPECT_EQ(Ask("GET", "/-/ready").body, "ready\n");
  const Response metrics = Ask("GET", "/metrics");
  EXPECT_EQ(metrics.body, "sojourn_build_info 1\n");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(AdminTest, OperatorsHaveTokensOfTheirOwn) {
  EXPECT_EQ(Ask("POST", "/-/reload", "secret").status, 200);
  EXPECT_EQ(Ask("POST", "/-/reload", "ada's token").status, 200);
  EXPECT_EQ(Ask("GET", "/-/person", "ada's token").status, 200);
  for (const std::string& wrong :
       {std::string("ada"), std::string("ada's toke"), SecretHash::Of("ada's token").ToText()}) {
    EXPECT_EQ(Ask("POST", "/-/reload", wrong).status, 401) << wrong;
  }
}

TEST_F(AdminTest, NotReadySaysWhy) {
  ready_ = Unavailable("restoring partition 3");
  const Response response = Ask("GET", "/-/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "restoring partition 3\n");
}

TEST_F(AdminTest, TheOthersNeedTheToken) {
  for (const auto& [method, path] :
       {std::pair("POST", "/-/reload"), std::pair("GET", "/-/actions?from=7"),
        std::pair("GET", "/-/person?id=u1")}) {
    EXPECT_EQ(Ask(method, path).status, 401);
    EXPECT_EQ(Ask(method, path, "wrong").status, 401);
    EXPECT_EQ(Ask(method, path, "secret").status, 200);
  }
  EXPECT_EQ(Ask("GET", "/-/actions?from=7", "secret").body, "{\"from\":\"7\"}\n");
}

TEST_F(AdminTest, WhatHasNoHandlerDoesNotExist) {
  EXPECT_EQ(Ask("POST", "/-/import", "secret").status, 404);
}

TEST(Admin, StatusesAsAnswers) {
  EXPECT_EQ(ToResponse(Status::Ok()).status, 200);
  EXPECT_EQ(ToResponse(InvalidArgument("x")).status, 400);
  EXPECT_EQ(ToResponse(NotFound("x")).status, 404);
  EXPECT_EQ(ToResponse(FailedPrecondition("x")).status, 409);
  EXPECT_EQ(ToResponse(ResourceExhausted("x")).status, 503);
  EXPECT_EQ(ToResponse(DataLoss("x")).status, 500);
  EXPECT_EQ(ToResponse(NotFound("gone")).body, ErrorResponse(404, "gone").body);
}

}  // namespace
}  // namespace sojourn::http
