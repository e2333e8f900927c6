#include "connectors/smtp/dkim.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "connectors/smtp/header_text.h"
#include "connectors/smtp/mail_address.h"
#include "connectors/smtp/transfer_encoding.h"
#include "engine/base/hash.h"

namespace sojourn::smtp {
namespace {

// RFC 8301: verifiers refuse less.
constexpr int kMinKeyBits = 1024;

// Signed whether they are there or not, so that nobody on the way can add one; From, which a mail
// has once, is named twice for the same reason.
constexpr std::array kSignedHeaders = {"from",         "from",
                                       "to",           "subject",
                                       "date",         "message-id",
                                       "reply-to",     "mime-version",
                                       "content-type", "list-unsubscribe",
                                       "list-id",      "list-unsubscribe-post",
                                       "feedback-id"};

using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ContextPointer = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using FilePointer = std::unique_ptr<FILE, int (*)(FILE*)>;

std::string OpensslError() {
  const uint64_t code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error of OpenSSL" : reason;
}

// Instead of OpenSSL's own, which asks on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Status BadKey(const DkimKeyOptions& options, std::string_view reason) {
  return InvalidArgument(
      fmt::format("DKIM key of {}, file {}: {}", options.domain, options.key_file, reason));
}

Result<KeyPointer> ReadKey(const DkimKeyOptions& options) {
  // A pipe would be waited for.
  std::error_code error_code;
  if (!std::filesystem::is_regular_file(options.key_file, error_code)) {
    return BadKey(options, error_code ? error_code.message() : "is not a file");
  }
  const FilePointer file(std::fopen(options.key_file.c_str(), "re"), &std::fclose);
  if (file == nullptr) return BadKey(options, std::strerror(errno));
  bool asked_passphrase = false;
  KeyPointer key(PEM_read_PrivateKey(file.get(), nullptr, &NoPassphrase, &asked_passphrase),
                 &EVP_PKEY_free);
  if (key == nullptr) {
    const std::string error = OpensslError();
    if (asked_passphrase) return BadKey(options, "has a passphrase; write it without one");
    return BadKey(options, fmt::format("holds no private key in PEM ({})", error));
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    const char* type = EVP_PKEY_get0_type_name(key.get());
    return BadKey(options, fmt::format("is no RSA key but {}", type == nullptr ? "another" : type));
  }
  if (const int bits = EVP_PKEY_get_bits(key.get()); bits < kMinKeyBits) {
    return BadKey(options,
                  fmt::format("has {} bits, {} is the least; 2048 are usual", bits, kMinKeyBits));
  }
  return key;
}

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// Runs of spaces and tabs are one space, none at the end.
void AppendRelaxedLine(std::string_view line, std::string* relaxed) {
  bool gap = false;
  for (const char c : line) {
    if (IsSpace(c)) {
      gap = true;
      continue;
    }
    if (gap) *relaxed += ' ';
    gap = false;
    *relaxed += c;
  }
}

// Takes the line up to the next CRLF off `text`.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find("\r\n"), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 2, text->size()));
  return line;
}

std::string RelaxedBody(std::string_view body) {
  std::string relaxed;
  relaxed.reserve(body.size());
  std::string line;
  size_t empty_lines = 0;  // not yet known to have a line behind them
  while (!body.empty()) {
    line.clear();
    AppendRelaxedLine(TakeLine(&body), &line);
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) relaxed += "\r\n";
    relaxed += line;
    relaxed += "\r\n";
  }
  return relaxed;
}

struct Header {
  std::string name;     // lower case
  std::string relaxed;  // "name:value" without CRLF
};

Header RelaxedHeader(std::string_view field) {
  const size_t colon = std::min(field.find(':'), field.size());
  Header header;
  for (const char c : field.substr(0, colon)) {
    if (!IsSpace(c)) header.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  std::string unfolded;
  for (const char c : field.substr(std::min(colon + 1, field.size()))) {
    if (c != '\r' && c != '\n') unfolded += c;
  }
  header.relaxed = header.name + ":";
  const size_t begin = std::min(unfolded.find_first_not_of(" \t"), unfolded.size());
  AppendRelaxedLine(std::string_view(unfolded).substr(begin), &header.relaxed);
  return header;
}

// Takes the headers and the empty line behind them off `message`.
std::vector<Header> TakeHeaders(std::string_view* message) {
  std::vector<Header> headers;
  std::string field;
  while (!message->empty()) {
    const std::string_view line = TakeLine(message);
    if (!field.empty() && (line.empty() || !IsSpace(line.front()))) {
      headers.push_back(RelaxedHeader(field));
      field.clear();
    }
    if (line.empty()) break;
    field += line;
  }
  return headers;
}

// What is signed of the mail's own headers: per name in kSignedHeaders the last one not yet taken.
std::string SignedHeaders(std::vector<Header> headers) {
  std::string text;
  for (const std::string_view name : kSignedHeaders) {
    const auto last = std::find_if(headers.rbegin(), headers.rend(),
                                   [&](const Header& header) { return header.name == name; });
    if (last == headers.rend()) continue;
    text += last->relaxed + "\r\n";
    headers.erase(std::next(last).base());
  }
  return text;
}

std::string HeaderList() {
  std::string list;
  size_t line = 3;
  for (const std::string_view name : kSignedHeaders) {
    if (line + name.size() > 72) {
      list += "\r\n  ";
      line = 2;
    }
    list += name;
    list += ':';
    line += name.size() + 1;
  }
  list.pop_back();
  return list;
}

Result<std::string> RsaSha256(EVP_PKEY* key, std::string_view text) {
  const ContextPointer context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  size_t length = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()) != 1) {
    return Internal(fmt::format("DKIM: {}", OpensslError()));
  }
  std::string signature(length, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &length, bytes,
                     text.size()) != 1) {
    return Internal(fmt::format("DKIM: {}", OpensslError()));
  }
  signature.resize(length);
  return signature;
}

bool IsBelow(std::string_view domain, std::string_view parent) {
  return domain == parent || (domain.size() > parent.size() && domain.ends_with(parent) &&
                              domain[domain.size() - parent.size() - 1] == '.');
}

}  // namespace

struct DkimSigner::Key {
  std::string domain;
  std::string selector;
  KeyPointer key;
};

DkimSigner::DkimSigner(std::vector<Key> keys) : keys_(std::move(keys)) {}
DkimSigner::DkimSigner(DkimSigner&&) noexcept = default;
DkimSigner& DkimSigner::operator=(DkimSigner&&) noexcept = default;
DkimSigner::~DkimSigner() = default;

Result<DkimSigner> DkimSigner::Load(const std::vector<DkimKeyOptions>& keys) {
  std::vector<Key> loaded;
  for (const DkimKeyOptions& options : keys) {
    // An address is the one thing that has a domain in all its spellings.
    const auto address = WireAddress("dkim@" + options.domain);
    if (!address.ok()) {
      return InvalidArgument(
          fmt::format("DKIM: \"{}\" is no domain", OneLine(options.domain, 100)));
    }
    if (options.selector.empty() || options.selector.size() > 63 ||
        Token(options.selector, ".-_", options.selector.size()) != options.selector) {
      return BadKey(options,
                    fmt::format("\"{}\" is no selector; letters, digits, '-' and '.' make one",
                                OneLine(options.selector, 100)));
    }
    SOJOURN_ASSIGN_OR_RETURN(KeyPointer key, ReadKey(options));
    loaded.push_back({std::string(DomainOf(*address)), options.selector, std::move(key)});
  }
  return DkimSigner(std::move(loaded));
}

const DkimSigner::Key* DkimSigner::KeyFor(std::string_view from_domain) const {
  const Key* best = nullptr;
  for (const Key& key : keys_) {
    if (!IsBelow(from_domain, key.domain)) continue;
    if (best == nullptr || key.domain.size() > best->domain.size()) best = &key;
  }
  return best;
}

Result<std::string> DkimSigner::Sign(std::string_view message, std::string_view from_domain,
                                     Timestamp signed_at) const {
  const Key* key = KeyFor(from_domain);
  if (key == nullptr) return std::string();
  const std::string signed_headers = SignedHeaders(TakeHeaders(&message));
  const Sha256Digest body_hash = Sha256(RelaxedBody(message));
  std::string field = fmt::format(
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={};\r\n s={}; t={};\r\n bh={};\r\n"
      " h={};\r\n b=",
      key->domain, key->selector, std::max<int64_t>(0, signed_at.milliseconds() / 1000),
      Base64({reinterpret_cast<const char*>(body_hash.data()), body_hash.size()}), HeaderList());
  SOJOURN_ASSIGN_OR_RETURN(
      const std::string signature,
      RsaSha256(key->key.get(), signed_headers + RelaxedHeader(field).relaxed));
  const std::string encoded = Base64(signature);
  for (size_t begin = 0; begin < encoded.size(); begin += 72) {
    if (begin > 0) field += "\r\n  ";
    field.append(encoded, begin, 72);
  }
  return field += "\r\n";
}

}  // namespace sojourn::smtp
