// Coupon pools.
#include <fmt/format.h>

#include <set>

#include "engine/language/load_context.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

constexpr int kDefaultCodeLength = 8;

void Refuse(const Node& node, LoadContext* context, std::string message, std::string hint = "") {
  context->reporter->Error(Code::kBadCodes, *node.file, node.range, std::move(message),
                           std::move(hint));
}

void AddCode(const Node& node, std::string code, CouponPool* pool, std::set<std::string>* seen,
             LoadContext* context) {
  if (code.empty()) return;
  if (!seen->insert(code).second) {
    Refuse(node, context, fmt::format("the code {} stands twice", code));
    return;
  }
  pool->codes.push_back(std::move(code));
}

// Beside the pool's own file, else from the top of the rules directory.
const std::string* FindCodeFile(const Node& node, LoadContext* context) {
  const std::string& path = node.file->path();
  const size_t slash = path.rfind('/');
  const std::string beside =
      slash == std::string::npos ? node.text : path.substr(0, slash + 1) + node.text;
  for (const std::string& candidate : {beside, node.text}) {
    const auto found = context->files->find(candidate);
    if (found != context->files->end()) return &found->second;
  }
  Refuse(node, context, fmt::format("there is no file \"{}\"", node.text),
         "a .csv or .txt file beside this one, one code a line");
  return nullptr;
}

// The first column of each line; a first line "code" is a heading.
void ReadCodeFile(const Node& node, CouponPool* pool, LoadContext* context) {
  const std::string* bytes = FindCodeFile(node, context);
  if (bytes == nullptr) return;
  const SourceFile lines("", *bytes);
  std::set<std::string> seen;
  for (int line = 1; line <= lines.line_count(); ++line) {
    std::string_view code = lines.Line(line);
    code = code.substr(0, code.find_first_of(",;\t"));
    while (!code.empty() && (code.front() == ' ' || code.front() == '"')) code.remove_prefix(1);
    while (!code.empty() && (code.back() == ' ' || code.back() == '"')) code.remove_suffix(1);
    if (line == 1 && code == "code") continue;
    AddCode(node, std::string(code), pool, &seen, context);
  }
  if (pool->codes.empty()) {
    Refuse(node, context, fmt::format("the file \"{}\" holds no code", node.text));
  }
}

}  // namespace

void LoadCouponPool(const Node& root, LoadContext* context) {
  auto pool = std::make_unique<CouponPool>();
  pool->name = TextAt(root, "coupon_pool");
  pool->exit_on_empty = TextAt(root, "on_empty") == "exit";
  pool->position = root.position();
  if (const Node* generate = root.Find("generate")) {
    pool->prefix = TextAt(*generate, "prefix");
    pool->length =
        static_cast<int>(ParseInteger(TextAt(*generate, "length")).value_or(kDefaultCodeLength));
  } else if (const Node* fixed = root.Find("static")) {
    pool->kind = PoolKind::kStatic;
    pool->codes.push_back(fixed->text);
    if (fixed->text.empty()) Refuse(*fixed, context, "the code is empty");
  } else if (const Node* codes = root.Find("codes")) {
    pool->kind = PoolKind::kCodes;
    std::set<std::string> seen;
    for (const Node* code : codes->items) AddCode(*code, code->text, pool.get(), &seen, context);
  } else if (const Node* file = root.Find("file")) {
    pool->kind = PoolKind::kCodes;
    ReadCodeFile(*file, pool.get(), context);
  }
  context->bundle->pools.push_back(std::move(pool));
}

}  // namespace sojourn::language
