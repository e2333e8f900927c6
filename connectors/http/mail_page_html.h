// The pages behind a mail's links as HTML: no scripts, one style sheet, light and dark, from 320
// pixels on, everything labelled.
//
// Pure functions; all texts are escaped here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/deliver/page_texts.h"

namespace sojourn::http {

// In which words.
struct PageVoice {
  const deliver::PageTexts* texts = nullptr;
  std::string language;
};

// `topic` empty: all marketing topics. `preferences_path` leads to the preference page.
std::string UnsubscribePage(const PageVoice& voice, std::string_view topic,
                            std::string_view preferences_path);
std::string UnsubscribedPage(const PageVoice& voice, std::string_view topic,
                             std::string_view preferences_path);

struct PreferenceTopic {
  std::string name;
  std::optional<bool> subscribed;  // nullopt: not known; shown unticked
};

// What its form sends: `action` = "save" with a `topic` for every ticked box and a `shown` for
// every box ("on:NAME", "off:NAME" or "unknown:NAME", as it was shown); or `action` = "none".
struct PreferencePage {
  std::vector<PreferenceTopic> topics;
  std::vector<std::string> always;  // transactional topics
  bool saved = false;
};
std::string Render(const PageVoice& voice, const PreferencePage& page);

std::string NotFoundPage(const PageVoice& voice);
// `target` not empty: where the person wanted to go.
std::string TryLaterPage(const PageVoice& voice, std::string_view target);

// The Content-Security-Policy under which all of these are shown.
const std::string& PagePolicy();

}  // namespace sojourn::http
