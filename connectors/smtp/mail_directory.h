// A directory of mails for people to look at: ID.eml for each, ID.html beside it, which shows the
// mail in a browser, and index.html, which lists the newest.
//
// Files appear whole or not at all. Threads: any. One process at a time: the index is continued
// from the file that is there. Errors name the file and what the system says.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/deliver/mail.h"

namespace sojourn::smtp {

// Older mails stay in the directory; the index lets them go.
inline constexpr size_t kMaxIndexedMails = 500;

class MailDirectory {
 public:
  // Makes the directory where it is absent.
  static Result<std::shared_ptr<MailDirectory>> Open(std::string path);

  // `message` is the mail as it would go to a relay. A mail with the id of one that is there takes
  // its place.
  Status Add(const deliver::Mail& mail, std::string_view message);

 private:
  struct Row {
    std::string id;
    std::string html;  // one line
  };

  explicit MailDirectory(std::string path) : path_(std::move(path)) {}
  void ReadIndex();
  Status WriteIndex() const;
  Status Replace(const std::string& name, std::string_view bytes) const;

  const std::string path_;
  std::mutex mutex_;      // guards the index, rows and file
  std::deque<Row> rows_;  // newest first
};

}  // namespace sojourn::smtp
