#include "engine/deliver/html_tokens.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

// One letter a kind, the tag's name and attributes, '!' where the text ends inside.
std::string Tokens(std::string_view html) {
  HtmlTokenizer tokenizer(html);
  HtmlToken token;
  std::string row;
  size_t end = 0;
  while (tokenizer.Next(&token)) {
    EXPECT_EQ(token.begin, end);
    EXPECT_GT(token.end, token.begin);
    end = token.end;
    static constexpr std::string_view kLetters = "THSEC";
    row += row.empty() ? "" : " ";
    row += kLetters[static_cast<size_t>(token.kind)];
    row += token.name;
    for (const HtmlAttribute& attribute : token.attributes) {
      row += "," + attribute.name + "=" + std::string(attribute.value);
      if (attribute.begin == attribute.end) row += "(none)";
    }
    if (token.open) row += "!";
  }
  EXPECT_EQ(end, html.size());
  return row;
}

TEST(HtmlTokens, TagsAndText) {
  EXPECT_EQ(Tokens("a<P CLASS=x>b</P\n>c"), "T Sp,class=x T Ep T");
  EXPECT_EQ(Tokens("<br/><img src=\"a>b\" alt='\"'hidden>"),
            "Sbr Simg,src=a>b,alt=\",hidden=(none)");
  EXPECT_EQ(Tokens("<a href = x/y / b= c>"), "Sa,href=x/y,b=c");
  EXPECT_EQ(Tokens("<a href=>"), "Sa,href=(none)");
  EXPECT_EQ(Tokens("1 < 2 <3 <> </ >"), "T T T T C");
  EXPECT_EQ(Tokens(""), "");
}

TEST(HtmlTokens, Comments) {
  EXPECT_EQ(Tokens("<!doctype html><!-- <p> -- > --><p>"), "C C Sp");
  EXPECT_EQ(Tokens("<!--><p><!---><p><!--a--!><p>"), "C Sp C Sp C Sp");
  EXPECT_EQ(Tokens("<!--[if mso]><a><![endif]--><?x ?></ p><p>"), "C C C Sp");
  EXPECT_EQ(Tokens("<!--[if !mso]><!--><p><!--<![endif]-->"), "C Sp C");
  EXPECT_EQ(Tokens("a<!-- b"), "T C!");
  EXPECT_EQ(Tokens("a<!--->b"), "T C T");
  EXPECT_EQ(Tokens("a<!--"), "T C!");
}

TEST(HtmlTokens, HiddenContent) {
  EXPECT_EQ(Tokens("<style>a > <p> </styles></STYLE ><p>"), "Sstyle H Estyle Sp");
  EXPECT_EQ(Tokens("<script></script>"), "Sscript Escript");
  EXPECT_EQ(Tokens("<title>a<p></title"), "Stitle H!");
  EXPECT_EQ(Tokens("<style>"), "Sstyle");
}

TEST(HtmlTokens, UnclosedTags) {
  EXPECT_EQ(Tokens("a<p"), "T Sp!");
  EXPECT_EQ(Tokens("a<p class='>b"), "T Sp,class=>b!");
  EXPECT_EQ(Tokens("a<p class="), "T Sp,class=(none)!");
  EXPECT_EQ(Tokens("a</"), "T T");
  EXPECT_EQ(Tokens("a<"), "T T");
}

TEST(HtmlTokens, TakeLinearTime) {
  for (const std::string_view piece :
       {"<", "<!--", "</", "<style></", "<a b='", "<div>", "<p a=b c", "<!-", "&", "<title><",
        "<script>\"", "<a =", "\0"}) {
    std::string html;
    while (html.size() < size_t{1} << 20) html += piece.empty() ? std::string_view("\0", 1) : piece;
    const auto began = std::chrono::steady_clock::now();
    Tokens(html);
    DecodeHtml(html, false);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10)) << piece;
  }
}

TEST(HtmlTokens, CharacterReferences) {
  EXPECT_EQ(DecodeHtml("a &amp; b &lt;&gt;&quot;&apos;&euro;&nbsp;", false),
            "a & b <>\"'\u20ac\u00a0");
  EXPECT_EQ(DecodeHtml("&#65;&#x41;&#X1f600;&#150;&#65 &thetasym;", false),
            "AA\U0001f600\u2013A \u03d1");
  EXPECT_EQ(DecodeHtml("&#0;&#xd800;&#99999999999;&#;&#x;", false), "\ufffd\ufffd\ufffd&#;&#x;");
  EXPECT_EQ(DecodeHtml("&nothing; & &; &AMP; &amp &copy2 &euro", false),
            "&nothing; & &; &AMP; & &copy2 &euro");
  EXPECT_EQ(DecodeHtml("?a=1&amp;b=2&copy=3&copy;", true), "?a=1&b=2&copy=3\u00a9");
}

TEST(HtmlTokens, Escape) {
  EXPECT_EQ(EscapeHtml("<a href=\"&\">'"), "&lt;a href=&quot;&amp;&quot;&gt;'");
}

}  // namespace
}  // namespace sojourn::deliver
