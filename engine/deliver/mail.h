// One mail, ready to go: what a deliverer composes and a transport carries.
//
// Owning plain values; texts are UTF-8 with LF line ends and may contain anything a template's data
// contained. Escaping, encoding and folding are the writer's work (connectors/smtp).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"

namespace sojourn::deliver {

struct Mailbox {
  std::string name;  // empty: the address alone
  std::string address;
};

struct Mail {
  std::string action_id;  // makes the Message-ID, so it is the same on every attempt
  Mailbox from;
  std::string reply_to;  // an address; empty: none
  std::string to;        // an address
  std::string subject;
  std::string html;
  std::string text;
  std::string unsubscribe_url;  // RFC 8058 one-click; empty: a mail nobody can unsubscribe from
  std::string list_id;          // "marketing.shop.example"; empty: no List-Id
  std::string feedback_id;      // "journey:template:topic:company"; empty: none
  // Headers that come back with a bounce or complaint and tell which mail it was: name and value,
  // both visible ASCII.
  std::vector<std::pair<std::string, std::string>> marks;
  Timestamp date;
};

}  // namespace sojourn::deliver
