// A mailbox as a file (mbox) or a directory (Maildir), which others deliver into.
//
//   mbox      read from where it was left; whoever delivers into it may cut it down or put another
//             in its place at any time, and then it is read from its beginning. Its last mail is
//             given when the file has not grown since the last look: it may be half written.
//   Maildir   what is in new/ is given, and moved into cur/, as seen, when it is done.
//
// A mail is given again after a crash, so that none is lost.
//
// Threads: one owner. Errors: kInvalidArgument where the path can be no mailbox, kUnavailable where
// it cannot be read or moved now; one line each.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/status.h"

namespace sojourn::feedback {

inline constexpr size_t kMaxMailboxChunkBytes = size_t{8} * 1024 * 1024;  // read at once
inline constexpr size_t kMaxMailsAtOnce = 100;

class Mailbox {
 public:
  virtual ~Mailbox() = default;
  // A directory with new/ and cur/ is a Maildir; all else an mbox, which need not be there yet.
  // `progress`: as it was left, from another life; empty: none.
  static Result<std::unique_ptr<Mailbox>> Open(const std::string& path,
                                               const std::string& progress);

  // The next mails, oldest first, cut at kMaxReportBytes; none: there are none yet. The same again
  // until Done.
  virtual Result<std::vector<std::string>> Next() = 0;
  // What Next gave is taken.
  virtual Status Done() = 0;
  // To be kept after Done, for Open; empty: nothing is to be kept.
  virtual std::string progress() const = 0;
};

}  // namespace sojourn::feedback
