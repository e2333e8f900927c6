#include "engine/liquid/html.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace sojourn::liquid {
namespace {

std::string_view EntityOf(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

// Whether `text`, which begins with '&', begins with an entity.
bool BeginsWithEntity(std::string_view text) {
  constexpr size_t kLongestEntityBytes = 40;
  const size_t end = text.substr(0, kLongestEntityBytes).find(';');
  if (end == std::string_view::npos) return false;
  std::string_view name = text.substr(1, end - 1);
  const auto all = [&](int (*is)(int)) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
      return is(static_cast<unsigned char>(c)) != 0;
    });
  };
  if (name.substr(0, 1) != "#") return all(std::isalpha);
  name.remove_prefix(1);
  if (name.substr(0, 1) != "x" && name.substr(0, 1) != "X") return all(std::isdigit);
  name.remove_prefix(1);
  return all(std::isxdigit);
}

// What is dropped with all it holds.
struct Element {
  std::string_view open;
  std::string_view close;
};
constexpr Element kDropped[] = {
    {"<script", "</script>"}, {"<!--", "-->"}, {"<style", "</style>"}, {"<", ">"}};

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    const std::string_view entity = EntityOf(c);
    entity.empty() ? escaped.push_back(c) : void(escaped += entity);
  }
  return escaped;
}

std::string EscapeHtmlOnce(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view entity = EntityOf(text[i]);
    if (entity.empty() || (text[i] == '&' && BeginsWithEntity(text.substr(i)))) {
      escaped.push_back(text[i]);
    } else {
      escaped += entity;
    }
  }
  return escaped;
}

std::string StripHtml(std::string_view text) {
  std::string stripped;
  // Whether a closing was looked for in vain: it is not behind any later position either.
  bool is_absent[std::size(kDropped)] = {};
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    for (size_t i = 0; i < std::size(kDropped) && text[at] == '<' && end == at; ++i) {
      const auto& [open, close] = kDropped[i];
      if (is_absent[i] || text.substr(at, open.size()) != open) continue;
      const size_t found = text.find(close, at + open.size());
      is_absent[i] = found == std::string_view::npos;
      if (!is_absent[i]) end = found + close.size();
    }
    if (end == at) stripped.push_back(text[end++]);
    at = end;
  }
  return stripped;
}

std::string ReplaceNewlines(std::string_view text, std::string_view replacement) {
  std::string replaced;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n") ++i;
    text[i] == '\n' ? void(replaced += replacement) : replaced.push_back(text[i]);
  }
  return replaced;
}

}  // namespace sojourn::liquid
