// What becomes of a rendered mail before it is sent: its footer, its tracked links, its text part.
//
//   html = AddFooter(html, ...)     where NeedsFooter
//   text = TextFromHtml(html)       so it has the links' own addresses
//   html = TrackLinks(html, ...)
//
// Pure functions. HTML is changed at the places concerned and is else left as it is, whatever it
// is: unclosed, invalid, of any size; the time is linear.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sojourn::deliver {

// Whether a click may be sent there: an absolute http or https URL, in ASCII and without what could
// end a header or an attribute.
bool IsWebAddress(std::string_view address);

struct Footer {
  std::string postal_address;
  std::string unsubscribe_url;
  std::string preferences_url;
  // What the links and the footer say, in the person's language.
  std::string reason;
  std::string unsubscribe;
  std::string preferences;
};

// Whether neither URL is anywhere in the mail where a person could follow it: in text or in an
// attribute of a tag, not in a comment or a style.
bool NeedsFooter(std::string_view html, std::string_view unsubscribe_url,
                 std::string_view preferences_url);

// Before the last </body>, else at the end; before a comment or tag that is never closed, which
// would swallow it.
std::string AddFooter(std::string_view html, const Footer& footer);

struct Tracking {
  // The tracked address of a link's target, an absolute http or https URL in ASCII. Empty: links
  // stay as they are.
  std::function<std::string(const std::string& target)> click_url;
  std::string open_url;                // of the open pixel; empty: none
  std::vector<std::string> untracked;  // addresses that begin so stay: unsubscribe, preferences
};

// Changes `<a href>` only; not where the link has the attribute data-no-track, and not where its
// target is over kMaxClickTargetBytes.
std::string TrackLinks(std::string_view html, const Tracking& tracking);

// For the text part of the mail: links as "text (address)", headings underlined, lists with dashes
// or numbers, cells of a row separated by bars; wrapped at 76 columns, ending in one LF; "" where
// there is nothing to read.
std::string TextFromHtml(std::string_view html);

}  // namespace sojourn::deliver
