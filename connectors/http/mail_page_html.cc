#include "connectors/http/mail_page_html.h"

#include <openssl/evp.h>

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/deliver/html_tokens.h"

namespace sojourn::http {
namespace {

using deliver::EscapeHtml;
using deliver::PageText;

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--back:#fff;--text:#1c1d21;--line:#767a83;--accent:#0b4fb3;--on:#fff}
@media(prefers-color-scheme:dark){:root{--back:#15171c;--text:#e9eaee;--line:#8d929d;--accent:#8fb8ff;--on:#10131a}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:36rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}
h2{font-size:1.15rem;line-height:1.3;margin:2.5rem 0 .5rem}
p{margin:0 0 1rem}
fieldset{margin:0 0 1.25rem;padding:.75rem 1rem .5rem;border:1px solid var(--line);border-radius:.5rem;min-width:0}
legend{padding:0 .4rem;font-weight:600}
label{display:flex;gap:.75rem;align-items:flex-start;padding:.6rem 0;cursor:pointer}
input{flex:none;width:1.4rem;height:1.4rem;margin:.05rem 0 0;accent-color:var(--accent)}
button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.25rem;border:2px solid var(--accent);border-radius:.5rem;background:var(--accent);color:var(--on);cursor:pointer}
button.second{background:transparent;color:var(--accent)}
a{display:inline-block;padding:.25rem 0;color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
.status{padding:.75rem 1rem;border:2px solid var(--accent);border-radius:.5rem;font-weight:600}
)css";

// What a page says, escaped.
std::string Say(const PageVoice& voice, PageText text) {
  return EscapeHtml(voice.texts->Get(voice.language, text));
}

std::string Say(const PageVoice& voice, PageText text, std::string_view topic) {
  return EscapeHtml(voice.texts->Get(voice.language, text, topic));
}

std::string SayTopic(const PageVoice& voice, std::string_view topic) {
  return EscapeHtml(voice.texts->TopicName(voice.language, topic));
}

// `content` stands below the title, which is the page's heading, too.
std::string Page(const PageVoice& voice, PageText title, std::string_view content) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"{}\" dir=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"robots\" content=\"noindex, nofollow\">\n<title>{}</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n{}</main>\n</body>\n</html>\n",
      EscapeHtml(voice.language), Say(voice, PageText::kDirection), Say(voice, title), kStyle,
      Say(voice, title), content);
}

std::string Paragraph(std::string_view escaped) { return fmt::format("<p>{}</p>\n", escaped); }

std::string Link(std::string_view address, std::string_view escaped_text) {
  return fmt::format("<p><a href=\"{}\">{}</a></p>\n", EscapeHtml(address), escaped_text);
}

std::string Choice(const PageVoice& voice, const PreferenceTopic& topic) {
  const bool ticked = topic.subscribed.value_or(false);
  const std::string_view shown = !topic.subscribed ? "unknown" : ticked ? "on" : "off";
  const std::string name = EscapeHtml(topic.name);
  return fmt::format(
      "<label><input type=\"checkbox\" name=\"topic\" value=\"{}\"{}><span>{}</span></label>\n"
      "<input type=\"hidden\" name=\"shown\" value=\"{}:{}\">\n",
      name, ticked ? " checked" : "", SayTopic(voice, topic.name), shown, name);
}

std::string Choices(const PageVoice& voice, const std::vector<PreferenceTopic>& topics) {
  const bool known = std::all_of(topics.begin(), topics.end(), [](const PreferenceTopic& topic) {
    return topic.subscribed.has_value();
  });
  std::string choices;
  for (const PreferenceTopic& topic : topics) choices += Choice(voice, topic);
  return fmt::format(
      "<form method=\"post\">\n<p id=\"intro\">{}</p>\n<fieldset aria-describedby=\"intro\">\n"
      "<legend>{}</legend>\n{}</fieldset>\n"
      "<button name=\"action\" value=\"save\">{}</button>\n</form>\n"
      "<h2>{}</h2>\n<form method=\"post\">\n<p>{}</p>\n"
      "<button class=\"second\" name=\"action\" value=\"none\">{}</button>\n</form>\n",
      Say(voice, known ? PageText::kPreferencesIntro : PageText::kPreferencesUnknown),
      Say(voice, PageText::kPreferencesTopics), choices, Say(voice, PageText::kPreferencesButton),
      Say(voice, PageText::kPreferencesAllTitle), Say(voice, PageText::kPreferencesAllIntro),
      Say(voice, PageText::kPreferencesAllButton));
}

}  // namespace

std::string UnsubscribePage(const PageVoice& voice, std::string_view topic,
                            std::string_view preferences_path) {
  const std::string question = topic.empty() ? Say(voice, PageText::kUnsubscribeAll)
                                             : Say(voice, PageText::kUnsubscribeTopic, topic);
  return Page(voice, PageText::kUnsubscribeTitle,
              Paragraph(question) +
                  fmt::format("<form method=\"post\">\n<p><button>{}</button></p>\n</form>\n",
                              Say(voice, PageText::kUnsubscribeButton)) +
                  Link(preferences_path, Say(voice, PageText::kPreferencesLink)));
}

std::string UnsubscribedPage(const PageVoice& voice, std::string_view topic,
                             std::string_view preferences_path) {
  const std::string result = topic.empty() ? Say(voice, PageText::kUnsubscribedAll)
                                           : Say(voice, PageText::kUnsubscribedTopic, topic);
  return Page(voice, PageText::kUnsubscribedTitle,
              Paragraph(result) + Paragraph(Say(voice, PageText::kUnsubscribedLate)) +
                  Link(preferences_path, Say(voice, PageText::kPreferencesLink)));
}

std::string Render(const PageVoice& voice, const PreferencePage& page) {
  std::string content;
  if (page.saved) {
    content += fmt::format("<p class=\"status\" role=\"status\">{}</p>\n",
                           Say(voice, PageText::kPreferencesSaved));
  }
  content += page.topics.empty() ? Paragraph(Say(voice, PageText::kPreferencesNothing))
                                 : Choices(voice, page.topics);
  if (!page.always.empty()) {
    content +=
        fmt::format("<h2>{}</h2>\n<p>{}</p>\n<ul>\n", Say(voice, PageText::kTransactionalTitle),
                    Say(voice, PageText::kTransactionalIntro));
    for (const std::string& topic : page.always) {
      content += fmt::format("<li>{}</li>\n", SayTopic(voice, topic));
    }
    content += "</ul>\n";
  }
  return Page(voice, PageText::kPreferencesTitle, content);
}

std::string NotFoundPage(const PageVoice& voice) {
  return Page(voice, PageText::kNotFoundTitle, Paragraph(Say(voice, PageText::kNotFoundText)));
}

std::string TryLaterPage(const PageVoice& voice, std::string_view target) {
  std::string content = Paragraph(Say(voice, PageText::kTryLaterText));
  if (!target.empty()) content += Link(target, Say(voice, PageText::kTryLaterTarget));
  return Page(voice, PageText::kTryLaterTitle, content);
}

const std::string& PagePolicy() {
  static const std::string policy = [] {
    const Sha256Digest digest = Sha256(kStyle);
    unsigned char base64[64];
    EVP_EncodeBlock(base64, digest.data(), static_cast<int>(digest.size()));
    return fmt::format(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'",
        reinterpret_cast<const char*>(base64));
  }();
  return policy;
}

}  // namespace sojourn::http
