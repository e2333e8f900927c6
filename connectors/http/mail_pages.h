// The public listener's paths: where the links of a mail lead.
//
//   GET  /u/TOKEN      a page that asks; it never unsubscribes by itself, for scanners follow links
//   POST /u/TOKEN      unsubscribes: RFC 8058's one click and the page's button alike
//   GET  /p/TOKEN      the preference page, POST /p/TOKEN its form
//   GET  /o/TOKEN.gif  the open pixel
//   GET  /c/TOKEN      302 to the target that the token says, and to no other
//
// A HEAD is answered like a GET and makes no event. A token that is not ours is 404 with the same
// page whatever the reason. The events, all about the token's person:
//
//   Unsubscribed {topic}, Subscribed {topic}   no topic: all marketing topics
//   Email Opened, Email Link Clicked {url}
//
// each with action_id, journey and template of the mail, and machine: true where the rules of
// machine_request.h say so. An unsubscription counts whoever made it. Their ids are made of what
// they say and of the time, so that a repetition within a second (opens and clicks: a minute) is
// the same event.
//
// Success is answered after the sink has the event for good; 503 with Retry-After where it refuses.
//
// Threads: any; handlers wait for the sink on the server's waiting threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/http/http_server.h"
#include "connectors/http/intake.h"
#include "engine/base/time.h"
#include "engine/deliver/links.h"
#include "engine/deliver/page_texts.h"
#include "engine/runtime/ports.h"

namespace sojourn::http {

struct ConsentTopic {
  std::string name;
  bool transactional = false;
  bool opted_in = true;  // of people who said nothing
};

// All are called by several threads at once.
struct MailPagesPorts {
  EventSink* sink = nullptr;  // outlives the pages
  // What the person said, by topic; nullopt: not known here.
  std::function<std::optional<std::map<std::string, bool>>(const std::string& person)> consent;
  std::function<std::vector<ConsentTopic>()> topics;  // of the rules in force
};

struct MailPagesOptions {
  Duration too_soon = Seconds(10);            // nobody opens or clicks that soon after the sending
  const runtime::WallClock* clock = nullptr;  // null: the machine's; else outlives the pages
};

class MailPages {
 public:
  MailPages(MailPagesOptions options, deliver::LinkSigner signer, deliver::PageTexts texts,
            MailPagesPorts ports);
  // The server has stopped before.
  ~MailPages();

  // For an HttpServer of its own. They point to this object.
  std::vector<Route> Routes();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace sojourn::http
