// What the standard footer and the pages behind a mail's links say, by language.
//
// English, German and Chinese are built in (texts/*.yaml beside this file); a directory of files
// LANGUAGE.yaml changes and adds to them. What a file leaves out is the built-in text of its
// language, else the English one.
//
// Threads: immutable. Errors: kInvalidArgument, one line: `file:line:col: what is wrong`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace sojourn::deliver {

// In the order of PageTextKeys().
enum class PageText : uint8_t {
  kDirection,  // "ltr" or "rtl"
  kFooterReason,
  kFooterUnsubscribe,
  kFooterPreferences,
  kUnsubscribeTitle,
  kUnsubscribeTopic,  // {topic}
  kUnsubscribeAll,
  kUnsubscribeButton,
  kUnsubscribedTitle,
  kUnsubscribedTopic,  // {topic}
  kUnsubscribedAll,
  kUnsubscribedLate,
  kPreferencesTitle,
  kPreferencesLink,
  kPreferencesTopics,
  kPreferencesIntro,
  kPreferencesUnknown,
  kPreferencesButton,
  kPreferencesSaved,
  kPreferencesNothing,
  kPreferencesAllTitle,
  kPreferencesAllIntro,
  kPreferencesAllButton,
  kTransactionalTitle,
  kTransactionalIntro,
  kNotFoundTitle,
  kNotFoundText,
  kTryLaterTitle,
  kTryLaterText,
  kTryLaterTarget,
};
inline constexpr size_t kPageTextCount = static_cast<size_t>(PageText::kTryLaterTarget) + 1;

class PageTexts {
 public:
  // The built-in texts, below those of `directory`/*.yaml. No directory, or one that does not
  // exist: the built-in ones alone.
  static Result<PageTexts> Read(const std::string& directory);

  // The best of the languages that there are: `wished` ("de-AT" finds "de"), else the first known
  // one of an Accept-Language header, else "en".
  std::string Choose(std::string_view wished, std::string_view accept_language) const;

  // `language` is one that Choose has given. The view lives as long as this object.
  std::string_view Get(const std::string& language, PageText text) const;
  // With the topic's name in place of {topic}.
  std::string Get(const std::string& language, PageText text, std::string_view topic) const;
  // What people call a topic: as the file says, else "product-news" as "Product news".
  std::string TopicName(const std::string& language, std::string_view topic) const;

 private:
  struct Language {
    std::array<std::string, kPageTextCount> texts;
    std::map<std::string, std::string, std::less<>> topics;
  };

  PageTexts() = default;
  Status Add(const std::string& path, const std::string& language, std::string_view yaml);
  const Language& At(const std::string& language) const;

  std::map<std::string, Language, std::less<>> languages_;
};

}  // namespace sojourn::deliver
