#include "connectors/http/unpack.h"

#include <zlib.h>

#include <algorithm>

#include <fmt/format.h>

#include "connectors/http/http_message.h"
#include "engine/base/ascii.h"
#include "engine/base/check.h"

namespace sojourn::http {
namespace {

// zlib's windowBits: 32 more recognizes the headers of gzip and zlib, less than 0 expects none.
constexpr int kWithHeader = 15 + 32;
constexpr int kWithoutHeader = -15;

class Inflater {
 public:
  explicit Inflater(int window_bits) { SOJOURN_CHECK(inflateInit2(&stream_, window_bits) == Z_OK); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<std::string> Inflate(std::string_view body, size_t max_bytes) {
    std::string unpacked;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream_.avail_in = static_cast<uInt>(body.size());
    while (true) {
      const int code = Step(&unpacked, max_bytes);
      if (unpacked.size() > max_bytes) {
        return ResourceExhausted(fmt::format("the unpacked body is over {} bytes", max_bytes));
      }
      if (code == Z_STREAM_END) {
        if (stream_.avail_in == 0) return unpacked;
        // gzip may be several in a row.
        if (inflateReset(&stream_) != Z_OK) break;
      } else if (code != Z_OK) {
        break;
      }
    }
    return InvalidArgument("the body is not packed as its Content-Encoding says");
  }

 private:
  static constexpr size_t kStepBytes = size_t{32} * 1024;

  // At most one byte more than allowed.
  int Step(std::string* unpacked, size_t max_bytes) {
    const size_t before = unpacked->size();
    const size_t room = std::min(kStepBytes, max_bytes + 1 - before);
    unpacked->resize(before + room);
    stream_.next_out = reinterpret_cast<Bytef*>(unpacked->data() + before);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    unpacked->resize(before + room - stream_.avail_out);
    return code;
  }

  z_stream stream_{};
};

}  // namespace

Result<std::string> Unpack(std::string_view encoding, std::string_view body, size_t max_bytes) {
  const std::string name = LowerCase(encoding);
  if (name.empty() || name == "identity") {
    if (body.size() <= max_bytes) return std::string(body);
    return ResourceExhausted(fmt::format("the body is over {} bytes", max_bytes));
  }
  if (name == "gzip" || name == "x-gzip") return Inflater(kWithHeader).Inflate(body, max_bytes);
  if (name != "deflate") {
    return Status(StatusCode::kNotFound, "Content-Encoding is none of gzip and deflate");
  }
  // Deflate means zlib's form; some send it bare.
  auto unpacked = Inflater(kWithHeader).Inflate(body, max_bytes);
  if (unpacked.ok() || unpacked.status().code() == StatusCode::kResourceExhausted) return unpacked;
  return Inflater(kWithoutHeader).Inflate(body, max_bytes);
}

}  // namespace sojourn::http
