#include "connectors/http/request_head.h"

#include <string>

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

// The status of the refusal; 0: none.
int StatusOf(const std::string& lines, const HeadLimits& limits = {}) {
  const std::string head = lines + "\r\n\r\n";
  EXPECT_EQ(FindHeadEnd(head), head.size());
  const auto refusal = RefuseHead(head, limits);
  return refusal ? refusal->status : 0;
}

TEST(RequestHead, EndsWithTheEmptyLine) {
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\r\n"), std::nullopt);
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\n\n"), std::nullopt);
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\r\n\r\nbody"), 18u);
}

TEST(RequestHead, KnowsEarlyWhatIsNoHead) {
  for (const char* text : {"", "G", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHost: x\r\n"}) {
    EXPECT_TRUE(CanBecomeHead(text)) << text;
  }
  for (const char* text :
       {"\n", " GET", "\x16\x03\x01", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nX: a\n"}) {
    EXPECT_FALSE(CanBecomeHead(text)) << text;
  }
}

TEST(RequestHead, TakesWhatClientsSend) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1"), 0);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nHost: x"), 0);
  EXPECT_EQ(StatusOf("POST /v1/batch HTTP/1.1\r\nHost: x:80\r\nContent-Length:12\r\nX-Tab: a\tb"),
            0);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked "), 0);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nX-Empty:\r\nX-Name: \xc3\xa4"), 0);
}

TEST(RequestHead, RefusesWhatTwoParsersReadDifferently) {
  for (const char* headers : {"Content-Length: 5\r\nTransfer-Encoding: chunked",
                              "Transfer-Encoding: chunked\r\nContent-Length: 5",
                              "Content-Length: 5\r\nContent-Length: 5",
                              "Content-Length: 5, 5",
                              "Content-Length: +5",
                              "Content-Length: 0x5",
                              "Content-Length:",
                              "Transfer-Encoding: xchunked",
                              "Transfer-Encoding: gzip, chunked",
                              "Transfer-Encoding: chunked, identity",
                              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                              "Transfer-Encoding : chunked",
                              "Transfer-Encoding:\x0b"
                              "chunked",
                              "X: a\r\n Transfer-Encoding: chunked",
                              "X: a\r\n\tfolded",
                              "X: a\nTransfer-Encoding: chunked",
                              "X: a\rContent-Length: 5",
                              "Host: a\r\nHost: b",
                              ": none",
                              "no colon"}) {
    EXPECT_EQ(StatusOf(std::string("POST / HTTP/1.1\r\n") + headers), 400) << headers;
  }
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked"), 400);
  EXPECT_EQ(StatusOf(std::string("GET /a\0b HTTP/1.1", 17)), 400);
  EXPECT_EQ(StatusOf(std::string("GET / HTTP/1.1\r\nX: a\0b", 22)), 400);
  EXPECT_EQ(StatusOf("GET /\tx HTTP/1.1"), 400);
}

TEST(RequestHead, HasLimits) {
  HeadLimits limits;
  limits.max_target_bytes = 10;
  limits.max_headers = 2;
  EXPECT_EQ(StatusOf("GET /234567890 HTTP/1.1", limits), 0);
  EXPECT_EQ(StatusOf("GET /2345678901 HTTP/1.1", limits), 414);
  EXPECT_EQ(StatusOf("GET /23456789012345", limits), 414);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\na: 1\r\nb: 2", limits), 0);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3", limits), 431);
}

}  // namespace
}  // namespace sojourn::http
