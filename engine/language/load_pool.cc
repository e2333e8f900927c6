// Coupon pools.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/base/utf8.h"
#include "engine/language/load_context.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

constexpr int kDefaultCodeLength = 8;

void Refuse(const SourceFile& file, SourceRange range, LoadContext* context, std::string message,
            std::string hint = "") {
  context->reporter->Error(Code::kBadCodes, file, range, std::move(message), std::move(hint));
}

// What a code can hold so that every shop takes it and every export can carry it.
bool IsCode(std::string_view code) {
  const auto bad = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7F' || c == ',' || c == ';' ||
           c == '"' || c == '\'';
  };
  return code.size() <= kMaxCouponCodeBytes && IsValidUtf8(code) &&
         std::none_of(code.begin(), code.end(), bad);
}

std::string_view Stripped(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '"')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '"')) text.remove_suffix(1);
  return text;
}

// The list of one pool, from wherever its codes stand. A million of them are nothing unusual.
class ListReader {
 public:
  ListReader(CouponPool* pool, LoadContext* context) : pool_(pool), context_(context) {}

  void Take(const Node& codes) {
    for (const Node* code : codes.items) Take(*code->file, code->range, code->text);
  }

  void TakeFile(const Node& name) {
    const auto found = Find(name);
    if (!found) return;
    files_.emplace_back(found->first, found->second);
    const size_t before = pool_->codes.size();
    const SourceFile& file = files_.back();
    for (int line = 1; line <= file.line_count(); ++line) TakeLine(file, line);
    if (pool_->codes.size() > before || refused_) return;
    Refuse(*name.file, name.range, context_,
           fmt::format("the file \"{}\" holds no code", name.text));
  }

  void Finish() {
    for (const std::string& code : pool_->codes) pool_->hashes.push_back(StableHash64(code));
    RefuseRepeated();
    const auto* bytes = reinterpret_cast<const char*>(pool_->hashes.data());
    pool_->list =
        std::max<uint64_t>(1, StableHash64({bytes, pool_->hashes.size() * sizeof(uint64_t)}));
  }

 private:
  struct Place {
    const SourceFile* file = nullptr;
    SourceRange range;
  };

  // Beside the pool's own file, else from the top of the rules directory: path and content.
  std::optional<std::pair<std::string, std::string_view>> Find(const Node& name) {
    const std::string& path = name.file->path();
    const size_t slash = path.rfind('/');
    const std::string beside =
        slash == std::string::npos ? name.text : path.substr(0, slash + 1) + name.text;
    for (const std::string& candidate : {beside, name.text}) {
      const auto found = context_->files->find(candidate);
      if (found == context_->files->end()) continue;
      return std::pair(candidate, std::string_view(found->second));
    }
    Refuse(*name.file, name.range, context_, fmt::format("there is no file \"{}\"", name.text),
           "a .csv or .txt file beside this one, one code a line");
    return std::nullopt;
  }

  // The first column; a first line that names it is a heading.
  void TakeLine(const SourceFile& file, int line) {
    const std::string_view whole = file.Line(line);
    const std::string_view code = Stripped(whole.substr(0, whole.find_first_of(",;\t")));
    if (code.empty()) return;
    if (line == 1) {
      std::string lower(code);
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      const std::set<std::string> headings = {"code", "codes", "coupon", "coupon code",
                                              "discount code"};
      if (headings.count(lower) > 0) return;
    }
    const auto begin = static_cast<uint32_t>(file.LineStart(line) +
                                             static_cast<size_t>(code.data() - whole.data()));
    Take(file, {begin, begin + static_cast<uint32_t>(code.size())}, code);
  }

  void Take(const SourceFile& file, SourceRange range, std::string_view code) {
    if (code.empty()) return;
    if (!IsCode(code)) {
      refused_ = true;
      return Refuse(file, range, context_, "this is no code",
                    fmt::format("at most {} characters without spaces, commas and quotes",
                                kMaxCouponCodeBytes));
    }
    pool_->codes.emplace_back(code);
    places_.push_back({&file, range});
  }

  void RefuseRepeated() {
    std::vector<std::pair<uint64_t, uint32_t>> order;  // hash and index
    for (const uint64_t hash : pool_->hashes) {
      order.emplace_back(hash, static_cast<uint32_t>(order.size()));
    }
    std::sort(order.begin(), order.end());
    const auto& codes = pool_->codes;
    for (size_t i = 1; i < order.size(); ++i) {
      if (codes[order[i].second] != codes[order[i - 1].second]) continue;
      const Place& first = places_[order[i - 1].second];
      const Place& second = places_[order[i].second];
      const SourcePosition at = first.file->PositionOf(first.range.begin);
      Refuse(*second.file, second.range, context_,
             fmt::format("the code {} stands twice", codes[order[i].second]),
             fmt::format("also in {}:{}", first.file->path(), at.line));
    }
  }

  CouponPool* const pool_;
  LoadContext* const context_;
  std::deque<SourceFile> files_;
  std::vector<Place> places_;  // of each code
  bool refused_ = false;
};

void LoadList(const Node& root, CouponPool* pool, LoadContext* context) {
  const Node* codes = root.Find("codes");
  const Node* file = root.Find("file");
  const Node* files = root.Find("files");
  if (codes == nullptr && file == nullptr && files == nullptr) return;
  pool->kind = PoolKind::kCodes;
  ListReader reader(pool, context);
  if (codes != nullptr) reader.Take(*codes);
  if (file != nullptr) reader.TakeFile(*file);
  if (files != nullptr) {
    for (const Node* name : files->items) reader.TakeFile(*name);
  }
  reader.Finish();
}

}  // namespace

void LoadCouponPool(const Node& root, LoadContext* context) {
  auto pool = std::make_unique<CouponPool>();
  pool->name = TextAt(root, "coupon_pool");
  pool->exit_on_empty = TextAt(root, "on_empty") == "exit";
  pool->low_at = ParseInteger(TextAt(root, "low_at")).value_or(0);
  pool->expires_at = ParseRfc3339(TextAt(root, "expires_at")).value_or(Timestamp::Max());
  pool->position = root.position();
  if (const Node* generate = root.Find("generate")) {
    pool->prefix = TextAt(*generate, "prefix");
    pool->length =
        static_cast<int>(ParseInteger(TextAt(*generate, "length")).value_or(kDefaultCodeLength));
  } else if (const Node* fixed = root.Find("static")) {
    pool->kind = PoolKind::kStatic;
    pool->codes.push_back(fixed->text);
    if (fixed->text.empty()) Refuse(*fixed->file, fixed->range, context, "the code is empty");
  } else {
    LoadList(root, pool.get(), context);
  }
  context->bundle->pools.push_back(std::move(pool));
}

void WarnSharedCodes(const std::vector<const Node*>& roots, LoadContext* context) {
  struct Owned {
    uint64_t hash = 0;
    uint32_t pool = 0;
    uint32_t code = 0;
  };
  const auto& pools = context->bundle->pools;
  if (pools.size() < 2) return;
  std::vector<Owned> all;
  for (uint32_t p = 0; p < pools.size(); ++p) {
    for (uint32_t c = 0; c < pools[p]->codes.size(); ++c) {
      all.push_back({StableHash64(pools[p]->codes[c]), p, c});
    }
  }
  std::sort(all.begin(), all.end(), [](const Owned& a, const Owned& b) {
    return std::pair(a.hash, a.pool) < std::pair(b.hash, b.pool);
  });
  std::set<std::pair<uint32_t, uint32_t>> told;
  for (size_t i = 1; i < all.size(); ++i) {
    const Owned& a = all[i - 1];
    const Owned& b = all[i];
    if (a.hash != b.hash || a.pool == b.pool || !told.emplace(a.pool, b.pool).second) continue;
    const Node* name = roots[b.pool]->FindKey("coupon_pool");
    context->reporter->Warning(Code::kSharedCode, *name->file, name->range,
                               fmt::format("the code {} stands in the pool \"{}\", too",
                                           pools[b.pool]->codes[b.code], pools[a.pool]->name),
                               "each pool gives its own codes away, so both may give this one");
  }
}

}  // namespace sojourn::language
