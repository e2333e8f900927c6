// Just so much of MIME as reports about mails need: headers, and the parts of a multipart mail.
//
// Any bytes are a mail: what cannot be read is missing. Pure functions; a mail's views live as long
// as its text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sojourn::feedback {

inline constexpr size_t kMaxMimeHeaders = 500;  // of one part
inline constexpr size_t kMaxMimeParts = 100;    // of one mail
inline constexpr int kMaxMimeNesting = 5;       // of multiparts

// Fields by name in lower case, in order; folded values are one line.
class MimeHeaders {
 public:
  // Reads up to the empty line; `rest` (may be null) is what follows it.
  static MimeHeaders Read(std::string_view text, std::string_view* rest);

  // The first of that name (in lower case), without spaces around it; "": there is none.
  std::string_view Get(std::string_view name) const;
  bool empty() const { return fields_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct MimePart {
  std::string type;  // "message/delivery-status", in lower case
  std::string body;  // decoded
};

// "multipart/report" of `Multipart/Report; report-type=...`, in lower case.
std::string MediaType(std::string_view content_type);
// A parameter of it, as written; "": there is none.
std::string Parameter(std::string_view content_type, std::string_view name);

// The parts of a mail that are no multiparts themselves, in order; a mail that is none is its only
// part. What an attached mail holds is left in its part.
std::vector<MimePart> ReadParts(const MimeHeaders& headers, std::string_view body);

}  // namespace sojourn::feedback
