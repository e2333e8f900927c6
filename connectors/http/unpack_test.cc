#include "connectors/http/unpack.h"

#include <zlib.h>

#include <gtest/gtest.h>

namespace sojourn::http {
namespace {

// `window_bits`: 31 gzip, 15 zlib, -15 bare.
std::string Pack(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Text(const Result<std::string>& unpacked) {
  return unpacked.ok() ? *unpacked : "error: " + unpacked.status().message();
}

TEST(Unpack, EachEncoding) {
  EXPECT_EQ(Text(Unpack("", "abc", 3)), "abc");
  EXPECT_EQ(Text(Unpack("identity", "abc", 3)), "abc");
  EXPECT_EQ(Text(Unpack("gzip", Pack("abc", 31), 3)), "abc");
  EXPECT_EQ(Text(Unpack("X-GZip", Pack("abc", 31), 3)), "abc");
  EXPECT_EQ(Text(Unpack("deflate", Pack("abc", 15), 3)), "abc");
  EXPECT_EQ(Text(Unpack("deflate", Pack("abc", -15), 3)), "abc");
  EXPECT_EQ(Text(Unpack("gzip", Pack("ab", 31) + Pack("c", 31), 3)), "abc");
  EXPECT_EQ(Text(Unpack("br", "abc", 3)), "error: Content-Encoding is none of gzip and deflate");
}

TEST(Unpack, NeverMoreThanAllowed) {
  const std::string large(10 << 20, 'x');
  for (const int form : {31, 15, -15}) {
    const std::string encoding = form == 31 ? "gzip" : "deflate";
    const auto bomb = Unpack(encoding, Pack(large, form), 1000);
    EXPECT_EQ(bomb.status().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(bomb.status().message(), "the unpacked body is over 1000 bytes");
    EXPECT_TRUE(Unpack(encoding, Pack(large, form), large.size()).ok());
    EXPECT_FALSE(Unpack(encoding, Pack(large, form), large.size() - 1).ok());
  }
  EXPECT_EQ(Unpack("", "abcd", 3).status().code(), StatusCode::kResourceExhausted);
}

TEST(Unpack, BrokenBodies) {
  const std::string broken = "error: the body is not packed as its Content-Encoding says";
  const std::string packed = Pack("some text, and some more of it", 31);
  EXPECT_EQ(Text(Unpack("gzip", "", 100)), broken);
  EXPECT_EQ(Text(Unpack("gzip", "plain text", 100)), broken);
  EXPECT_EQ(Text(Unpack("deflate", "plain text", 100)), broken);
  EXPECT_EQ(Text(Unpack("gzip", packed.substr(0, packed.size() - 5), 100)), broken);
  EXPECT_EQ(Text(Unpack("gzip", packed + "more", 100)), broken);
  for (size_t i = 10; i < packed.size(); ++i) {
    std::string changed = packed;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    EXPECT_EQ(Text(Unpack("gzip", changed, 100)), broken) << i;
  }
}

}  // namespace
}  // namespace sojourn::http
