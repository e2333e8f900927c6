#include "engine/expr/ast.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "engine/expr/literal.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

std::string LiteralText(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kString:
      return QuoteString(value.text());
    case ValueKind::kBytes:
      return QuoteBytes(value.text());
    case ValueKind::kDouble: {
      std::string text = fmt::format("{}", value.double_value());
      if (text.find_first_of(".en") == std::string::npos) text += ".0";
      return text;
    }
    default:
      return model::DebugString(value);
  }
}

// How tightly a node binds; children that bind less tightly stand in parentheses.
int Precedence(const Node& node) {
  switch (node.kind) {
    case NodeKind::kConditional:
      return 0;
    case NodeKind::kOr:
      return 1;
    case NodeKind::kAnd:
      return 2;
    case NodeKind::kBinary:
      if (node.op >= Operator::kEqual) return 3;
      return node.op <= Operator::kSubtract ? 4 : 5;
    case NodeKind::kNot:
    case NodeKind::kNegate:
      return 6;
    default:
      return 7;
  }
}

bool IsPlainName(std::string_view name) {
  for (const char c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!plain) return false;
  }
  return true;
}

class Writer {
 public:
  std::string Text(const Node& node) {
    Write(node, 0);
    return std::move(out_);
  }

 private:
  void Write(const Node& node, int least) {
    const int precedence = Precedence(node);
    if (precedence < least) out_ += '(';
    WriteBare(node, precedence);
    if (precedence < least) out_ += ')';
  }

  void WriteBare(const Node& node, int precedence) {
    switch (node.kind) {
      case NodeKind::kLiteral:
        out_ += LiteralText(node.value);
        return;
      case NodeKind::kName:
        out_ += node.name;
        return;
      case NodeKind::kSelect:
        WriteSelect(node, ".");
        return;
      case NodeKind::kHas:
        out_ += "has(";
        WriteSelect(node, ".");
        out_ += ')';
        return;
      case NodeKind::kIndex:
        Write(*node.children[0], 7);
        WriteList(node, 1, "[", "]");
        return;
      case NodeKind::kMaybe:
        WriteMaybe(*node.children[0]);
        return;
      case NodeKind::kCall:
        WriteCall(node);
        return;
      case NodeKind::kList:
        WriteList(node, 0, "[", "]");
        return;
      case NodeKind::kMap:
        WriteMap(node);
        return;
      case NodeKind::kConditional:
        Write(*node.children[0], 1);
        out_ += " ? ";
        Write(*node.children[1], 1);
        out_ += " : ";
        Write(*node.children[2], 0);
        return;
      case NodeKind::kAnd:
        WriteChain(node, " && ", precedence);
        return;
      case NodeKind::kOr:
        WriteChain(node, " || ", precedence);
        return;
      case NodeKind::kNot:
      case NodeKind::kNegate:
        out_ += node.kind == NodeKind::kNot ? '!' : '-';
        Write(*node.children[0], 7);
        return;
      case NodeKind::kBinary:
        Write(*node.children[0], precedence);
        out_ += fmt::format(" {} ", OperatorText(node.op));
        Write(*node.children[1], precedence + 1);
        return;
      case NodeKind::kLoop:
        WriteLoop(node);
        return;
    }
  }

  void WriteSelect(const Node& node, std::string_view dot) {
    Write(*node.children[0], 7);
    const std::string_view quote = IsPlainName(node.name) ? "" : "`";
    out_ += fmt::format("{}{}{}{}", dot, quote, node.name, quote);
  }

  void WriteMaybe(const Node& access) {
    if (access.kind == NodeKind::kSelect) return WriteSelect(access, ".?");
    Write(*access.children[0], 7);
    WriteList(access, 1, "[?", "]");
  }

  void WriteCall(const Node& node) {
    if (node.method) {
      Write(*node.children[0], 7);
      out_ += '.';
    }
    out_ += node.name;
    WriteList(node, node.method ? 1 : 0, "(", ")");
  }

  void WriteList(const Node& node, size_t from, std::string_view open, std::string_view close) {
    out_ += open;
    for (size_t i = from; i < node.children.size(); ++i) {
      if (i > from) out_ += ", ";
      if (node.children[i]->optional_item) out_ += '?';
      Write(*node.children[i], 0);
    }
    out_ += close;
  }

  void WriteMap(const Node& node) {
    out_ += '{';
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out_ += i % 2 == 0 ? ", " : ": ";
      if (i % 2 == 0 && node.children[i + 1]->optional_item) out_ += '?';
      Write(*node.children[i], 0);
    }
    out_ += '}';
  }

  void WriteChain(const Node& node, std::string_view joint, int precedence) {
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out_ += joint;
      Write(*node.children[i], precedence + 1);
    }
  }

  void WriteLoop(const Node& node) {
    if (node.macro == Macro::kBind) {
      out_ += fmt::format("cel.bind({}", node.name);
      for (const Node* child : node.children) {
        out_ += ", ";
        Write(*child, 0);
      }
      out_ += ')';
      return;
    }
    Write(*node.children[0], 7);
    out_ += fmt::format(".{}({}", MacroName(node.macro), node.name);
    if (!node.second_name.empty()) out_ += fmt::format(", {}", node.second_name);
    for (size_t i = 1; i < node.children.size(); ++i) {
      out_ += ", ";
      Write(*node.children[i], 0);
    }
    out_ += ')';
  }

  std::string out_;
};

std::string Head(const Node& node) {
  switch (node.kind) {
    case NodeKind::kSelect:
      return fmt::format("select {}", node.name);
    case NodeKind::kHas:
      return fmt::format("has {}", node.name);
    case NodeKind::kIndex:
      return "index";
    case NodeKind::kMaybe:
      return "maybe";
    case NodeKind::kCall:
      return fmt::format("{} {}", node.method ? "method" : "call", node.name);
    case NodeKind::kList:
      return "list";
    case NodeKind::kMap:
      return "map";
    case NodeKind::kConditional:
      return "?:";
    case NodeKind::kAnd:
      return "&&";
    case NodeKind::kOr:
      return "||";
    case NodeKind::kNot:
      return "!";
    case NodeKind::kNegate:
      return "neg";
    case NodeKind::kBinary:
      return std::string(OperatorText(node.op));
    case NodeKind::kLoop:
      return fmt::format("loop {} {}{}{}", MacroName(node.macro), node.name,
                         node.second_name.empty() ? "" : " ", node.second_name);
    default:
      return "";
  }
}

}  // namespace

std::string_view OperatorText(Operator op) {
  static constexpr std::array<std::string_view, 12> kTexts = {
      "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in"};
  return kTexts[static_cast<size_t>(op)];
}

std::string_view MacroName(Macro macro) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "all",           "exists",       "exists_one", "filter",     "map",
      "transformList", "transformMap", "optMap",     "optFlatMap", "bind"};
  return kNames[static_cast<size_t>(macro)];
}

std::string CanonicalText(const Node& node) { return Writer().Text(node); }

std::string DumpTree(const Node& node) {
  if (node.kind == NodeKind::kLiteral) return LiteralText(node.value);
  if (node.kind == NodeKind::kName) return std::string(node.name);
  std::string dump = "(" + Head(node);
  for (const Node* child : node.children) {
    dump += (child->optional_item ? " ?" : " ") + DumpTree(*child);
  }
  return dump + ")";
}

}  // namespace sojourn::expr
