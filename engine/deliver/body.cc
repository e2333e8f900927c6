#include "engine/deliver/body.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "engine/deliver/html_tokens.h"
#include "engine/deliver/links.h"

namespace sojourn::deliver {
namespace {

// Where something new goes that is to be seen at the end of the mail.
size_t EndOfBody(std::string_view html) {
  HtmlTokenizer tokenizer(html);
  HtmlToken token;
  size_t end_of_body = html.size();
  size_t end_of_html = html.size();
  size_t end = html.size();
  size_t previous = 0;
  while (tokenizer.Next(&token)) {
    if (token.kind == HtmlTokenKind::kEnd && token.name == "body") end_of_body = token.begin;
    if (token.kind == HtmlTokenKind::kEnd && token.name == "html") end_of_html = token.begin;
    // Content that is never closed hides whatever follows its start tag.
    if (token.open) end = token.kind == HtmlTokenKind::kHidden ? previous : token.begin;
    previous = token.begin;
  }
  return end_of_body < html.size() ? end_of_body : std::min(end_of_html, end);
}

std::string InsertAtEnd(std::string_view html, std::string_view addition) {
  const size_t place = EndOfBody(html);
  std::string whole(html.substr(0, place));
  whole += addition;
  return whole += html.substr(place);
}

bool IsUrlCharacter(char c) {
  const bool printable = c > ' ' && c < '\x7f';
  return printable && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

// Without what browsers drop from an address, and in ASCII; nullopt where it is not one to track.
std::optional<std::string> ClickTarget(const std::string& href) {
  const auto is_control = [](char c) { return c >= '\0' && c <= ' '; };
  const auto first = std::find_if_not(href.begin(), href.end(), is_control);
  const auto last = std::find_if_not(href.rbegin(), href.rend(), is_control).base();
  std::string target;
  for (auto at = first; at < last; ++at) {
    if (*at == '\t' || *at == '\n' || *at == '\r') continue;
    if (IsUrlCharacter(*at)) {
      target += *at;
    } else {
      target += fmt::format("%{:02X}", static_cast<uint8_t>(*at));
    }
  }
  if (target.size() > kMaxClickTargetBytes || !IsWebAddress(target)) return std::nullopt;
  return target;
}

bool IsTracked(const HtmlToken& link, const std::string& target, const Tracking& tracking) {
  return link.Find("data-no-track") == nullptr &&
         std::none_of(
             tracking.untracked.begin(), tracking.untracked.end(),
             [&](const std::string& start) { return !start.empty() && target.starts_with(start); });
}

std::string TrackClicks(std::string_view html, const Tracking& tracking) {
  HtmlTokenizer tokenizer(html);
  HtmlToken token;
  std::string tracked;
  size_t copied = 0;
  while (tokenizer.Next(&token)) {
    if (token.kind != HtmlTokenKind::kStart || token.name != "a" || token.open) continue;
    const HtmlAttribute* href = token.Find("href");
    if (href == nullptr) continue;
    const std::optional<std::string> target = ClickTarget(DecodeHtml(href->value, true));
    if (!target || !IsTracked(token, *target, tracking)) continue;
    tracked += html.substr(copied, href->begin - copied);
    tracked += '"' + EscapeHtml(tracking.click_url(*target)) + '"';
    copied = href->end;
  }
  return tracked += html.substr(copied);
}

}  // namespace

bool IsWebAddress(std::string_view address) {
  if (!std::all_of(address.begin(), address.end(), IsUrlCharacter)) return false;
  const size_t colon = std::min(address.find(':'), address.size());
  std::string scheme(address.substr(0, colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (scheme != "http" && scheme != "https") return false;
  const std::string_view rest = address.substr(colon);
  return rest.starts_with("://") && rest.size() > 3 &&
         std::string_view("/?#:@").find(rest[3]) == std::string_view::npos;
}

bool NeedsFooter(std::string_view html, std::string_view unsubscribe_url,
                 std::string_view preferences_url) {
  const auto shows = [&](std::string_view raw, bool in_attribute) {
    const std::string text = DecodeHtml(raw, in_attribute);
    return text.find(unsubscribe_url) != std::string::npos ||
           text.find(preferences_url) != std::string::npos;
  };
  HtmlTokenizer tokenizer(html);
  HtmlToken token;
  while (tokenizer.Next(&token)) {
    if (token.open) continue;
    if (token.kind == HtmlTokenKind::kText &&
        shows(html.substr(token.begin, token.end - token.begin), false)) {
      return false;
    }
    for (const HtmlAttribute& attribute : token.attributes) {
      if (shows(attribute.value, true)) return false;
    }
  }
  return true;
}

std::string AddFooter(std::string_view html, const Footer& footer) {
  // Links of 13 pixels are hard to hit with a finger; the padding makes them 24 and more.
  const auto link = [](const std::string& url, const std::string& text) {
    return fmt::format("<a href=\"{}\" style=\"display:inline-block;padding:4px 0\">{}</a>",
                       EscapeHtml(url), EscapeHtml(text));
  };
  return InsertAtEnd(
      html, fmt::format("<div style=\"margin:32px auto 0;padding:16px 0;"
                        "max-width:600px;font:13px/1.5 sans-serif;"
                        "border-top:1px solid #8c8c8c\">\n"
                        "<p style=\"margin:0 0 8px\">{}</p>\n"
                        "<p style=\"margin:0 0 8px\">{} | {}</p>\n"
                        "<p style=\"margin:0\">{}</p>\n</div>\n",
                        EscapeHtml(footer.reason), link(footer.unsubscribe_url, footer.unsubscribe),
                        link(footer.preferences_url, footer.preferences),
                        EscapeHtml(footer.postal_address)));
}

std::string TrackLinks(std::string_view html, const Tracking& tracking) {
  std::string tracked = tracking.click_url ? TrackClicks(html, tracking) : std::string(html);
  if (tracking.open_url.empty()) return tracked;
  return InsertAtEnd(tracked, fmt::format("<img src=\"{}\" width=\"1\" height=\"1\" alt=\"\" "
                                          "style=\"border:0;width:1px;height:1px\">",
                                          EscapeHtml(tracking.open_url)));
}

}  // namespace sojourn::deliver
