// A directory of mails for people to look at: ID.eml for each, ID.html beside it, which shows the
// mail in a browser, and index.html, which lists the newest.
//
// Files appear whole or not at all. Any number of threads and processes add to one directory: who
// does has it locked (flock) while it continues the index from the file that is there. Errors name
// the file and what the system says.
#pragma once

#include <deque>
#include <memory>
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
  std::deque<Row> ReadIndex() const;
  Status WriteIndex(const std::deque<Row>& rows) const;
  Status Replace(const std::string& name, std::string_view bytes) const;

  const std::string path_;
};

}  // namespace sojourn::smtp
