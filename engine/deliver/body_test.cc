#include "engine/deliver/body.h"

#include <chrono>

#include <gtest/gtest.h>

#include "engine/base/utf8.h"
#include "engine/deliver/links.h"

namespace sojourn::deliver {
namespace {

Footer SomeFooter() {
  return {"Shop & Sons, Main Street 1", "https://l.example/u/T", "https://l.example/p/T",
          "You are a customer.",        "Unsubscribe",           "Preferences"};
}

Tracking Clicks() {
  Tracking tracking;
  tracking.click_url = [](const std::string& target) { return "[" + target + "]"; };
  tracking.untracked = {"https://l.example/u/T", "https://l.example/p/T"};
  return tracking;
}

TEST(Body, FooterWhereNeitherLinkIsShown) {
  const auto needs = [](std::string_view html) {
    return NeedsFooter(html, "https://l.example/u/T", "https://l.example/p/T");
  };
  EXPECT_TRUE(needs(""));
  EXPECT_TRUE(needs("<p>Hello</p>"));
  EXPECT_TRUE(needs("<!-- https://l.example/u/T -->"));
  EXPECT_TRUE(needs("<style>/* https://l.example/u/T */</style>"));
  EXPECT_TRUE(needs("<p><a href='https://l.example/u/T"));
  EXPECT_FALSE(needs("<a href='https://l.example/u/T'>out</a>"));
  EXPECT_FALSE(needs("<a href=\"https:&#x2f;/l.example/p/T\">change</a>"));
  EXPECT_FALSE(needs("Go to https://l.example/p/T."));
}

TEST(Body, FooterStandsAtTheEndOfTheBody) {
  const auto place = [](const std::string& html) {
    std::string whole = AddFooter(html, SomeFooter());
    const size_t begin = whole.find("<div style=");
    const size_t end = whole.find("</div>\n", begin) + 7;
    return whole.replace(begin, end - begin, "#");
  };
  EXPECT_EQ(place("<html><body><p>a</p></body></html>"), "<html><body><p>a</p>#</body></html>");
  EXPECT_EQ(place("<p>a</p>"), "<p>a</p>#");
  EXPECT_EQ(place("<p>a</p></HTML >\n"), "<p>a</p>#</HTML >\n");
  EXPECT_EQ(place(""), "#");
  EXPECT_EQ(place("<p>a<!-- </body> -->b"), "<p>a<!-- </body> -->b#");
  EXPECT_EQ(place("a</body>b</body>"), "a</body>b#</body>");
  // What is never closed does not swallow it.
  EXPECT_EQ(place("a<!-- b"), "a#<!-- b");
  EXPECT_EQ(place("a<p class='b"), "a#<p class='b");
  EXPECT_EQ(place("a<style title='<'>b"), "a#<style title='<'>b");
}

TEST(Body, FooterSaysWhatTheLawAsksFor) {
  const std::string html = AddFooter("", SomeFooter());
  EXPECT_NE(html.find("Shop &amp; Sons, Main Street 1"), std::string::npos);
  EXPECT_NE(html.find("<a href=\"https://l.example/u/T\" "), std::string::npos);
  EXPECT_NE(html.find(">Unsubscribe</a>"), std::string::npos);
  EXPECT_NE(html.find("<a href=\"https://l.example/p/T\" "), std::string::npos);
  EXPECT_NE(html.find(">Preferences</a>"), std::string::npos);
  EXPECT_FALSE(NeedsFooter(html, "https://l.example/u/T", "https://l.example/p/T"));
  EXPECT_EQ(TextFromHtml(html),
            "You are a customer.\n\nUnsubscribe (https://l.example/u/T) | "
            "Preferences (https://l.example/p/T)\n\nShop & Sons, Main Street 1\n");
}

TEST(Body, LinksAreTracked) {
  const auto track = [](std::string_view html) { return TrackLinks(html, Clicks()); };
  EXPECT_EQ(track("<p>x <A class=b HREF='https://s.example/?a=1&amp;b=2' title=c>y</A></p>"),
            "<p>x <A class=b HREF=\"[https://s.example/?a=1&amp;b=2]\" title=c>y</A></p>");
  EXPECT_EQ(track("<a href=http://s.example/>"), "<a href=\"[http://s.example/]\">");
  EXPECT_EQ(track("<a href=' HTTPS://s.example/a b\n\u00fc\"\t'>"),
            "<a href=\"[HTTPS://s.example/a%20b%C3%BC%22]\">");
  EXPECT_EQ(track("<a href='https://s.example/1' href='https://s.example/2'>"),
            "<a href=\"[https://s.example/1]\" href='https://s.example/2'>");
}

TEST(Body, OtherLinksStay) {
  for (const std::string html :
       {"<a>", "<a href>", "<a href=''>", "<a href='#top'>", "<a href='/p'>",
        "<a href='mailto:a@b.example'>", "<a href='javascript:alert(1)'>", "<a href='http:/x'>",
        "<a href='https://'>", "<a href='https:///x'>", "<a href='http:\\\\x.example'>",
        "<a href='https://l.example/u/T'>", "<a href='https://l.example/p/T?x'>",
        "<a href='https://s.example/' data-no-track>", "<area href='https://s.example/'>",
        "<img src='https://s.example/'>", "<!-- <a href='https://s.example/'> -->",
        "<style><a href='https://s.example/'></style>", "<a href='https://s.example/'"}) {
    EXPECT_EQ(TrackLinks(html, Clicks()), html);
  }
  const auto link = [](size_t size) {
    std::string target = "https://s.example/";
    target.resize(size, 'x');
    return "<a href=\"" + target + "\">";
  };
  EXPECT_NE(TrackLinks(link(kMaxClickTargetBytes), Clicks()), link(kMaxClickTargetBytes));
  EXPECT_EQ(TrackLinks(link(kMaxClickTargetBytes + 1), Clicks()), link(kMaxClickTargetBytes + 1));
}

TEST(Body, BothKindsOfTrackingCanBeOff) {
  const std::string html = "<body><a href='https://s.example/'>x</a></body>";
  EXPECT_EQ(TrackLinks(html, {}), html);
  Tracking opens;
  opens.open_url = "https://l.example/o/T.gif";
  EXPECT_EQ(TrackLinks(html, opens),
            "<body><a href='https://s.example/'>x</a>"
            "<img src=\"https://l.example/o/T.gif\" width=\"1\" height=\"1\" alt=\"\" "
            "style=\"border:0;width:1px;height:1px\"></body>");
}

TEST(Body, WebAddresses) {
  for (const std::string_view good :
       {"http://a", "https://a.example/b?c#d", "HTTPS://a:80/", "https://[::1]/"}) {
    EXPECT_TRUE(IsWebAddress(good)) << good;
  }
  for (const std::string_view bad :
       {"", "http", "http:", "http://", "https://?", "ftp://a", "//a", "https://a\r\nX: y",
        "https://a b", "https://\xc3\xbc", "javascript:alert(1)", "https:a", " https://a"}) {
    EXPECT_FALSE(IsWebAddress(bad)) << bad;
  }
}

TEST(TextFromHtml, WordsAndParagraphs) {
  EXPECT_EQ(TextFromHtml(""), "");
  EXPECT_EQ(TextFromHtml("<p> </p><div>\n</div>"), "");
  EXPECT_EQ(TextFromHtml("a\n  b<b>c</b> d"), "a bc d\n");
  EXPECT_EQ(TextFromHtml("<p>a</p>\n<p>b<br>c<br><br>d</p><div>e</div><div>f</div>"),
            "a\n\nb\nc\n\nd\n\ne\nf\n");
  EXPECT_EQ(TextFromHtml("<title>t</title><style>s</style><script>x</script>a<!-- c -->b"), "ab\n");
  EXPECT_EQ(TextFromHtml("&lt;b&gt; &euro;10&nbsp;&amp; more"), "<b> \u20ac10 & more\n");
  EXPECT_EQ(TextFromHtml("<pre>a\n  b <i>c</i>\n</pre>d"), "a\n  b c\n\nd\n");
}

TEST(TextFromHtml, HeadingsListsAndRules) {
  EXPECT_EQ(TextFromHtml("x<h1>A <i>big</i> one</h1>y<h2>Next</h2><h3>Last</h3>z"),
            "x\n\nA big one\n=========\n\ny\n\nNext\n----\n\nLast\n\nz\n");
  EXPECT_EQ(TextFromHtml("a<ul><li>b<li>c<ol><li>d</li><li>e</li></ol></li><li>f</ul>g"),
            "a\n\n- b\n- c\n  1. d\n  2. e\n- f\n\ng\n");
  EXPECT_EQ(TextFromHtml("<blockquote>a<br>b</blockquote><hr>c"), "> a\n> b\n\n----------\n\nc\n");
}

TEST(TextFromHtml, LinksAndImages) {
  EXPECT_EQ(TextFromHtml("Go <a href='https://s.example/?a&amp;b'>to the shop</a>."),
            "Go to the shop (https://s.example/?a&b).\n");
  EXPECT_EQ(TextFromHtml("<a href='https://s.example'>https://s.example</a>"),
            "https://s.example\n");
  EXPECT_EQ(TextFromHtml("<a href='mailto:a@s.example'>a@s.example</a> "
                         "<a href='mailto:a@s.example'>mail</a>"),
            "a@s.example mail (a@s.example)\n");
  EXPECT_EQ(TextFromHtml("<a href='#top'>up</a> <a href='javascript:x'>x</a>"), "up x\n");
  EXPECT_EQ(TextFromHtml("<a href='https://s.example'><img alt='Shop'></a>"),
            "Shop (https://s.example)\n");
  EXPECT_EQ(TextFromHtml("<a href='https://s.example'><img></a>"), "https://s.example\n");
}

TEST(TextFromHtml, Tables) {
  EXPECT_EQ(TextFromHtml("<table><tr><th>Item<th>Price</tr><tr><td>Pen<td>1 &euro;</tr></table>"),
            "Item | Price\nPen | 1 \u20ac\n");
  EXPECT_EQ(TextFromHtml("<table><tr><td><table><tr><td><p>a</p></td></tr></table></td>"
                         "<td><p>b</p></td></tr></table>"),
            "a\n\nb\n");
}

TEST(TextFromHtml, WhatIsNotSeenIsNotRead) {
  EXPECT_EQ(TextFromHtml("<div style='DISPLAY : none'>a<div>b</div>c</div>d"), "d\n");
  EXPECT_EQ(TextFromHtml("<span hidden>a</span>d&zwnj;&#8203;&shy;"), "d\u200c\n");
}

TEST(TextFromHtml, Wraps) {
  std::string html;
  for (int i = 0; i < 40; ++i) html += "word ";
  const std::string text = TextFromHtml("<ul><li>" + html + "</ul>");
  EXPECT_TRUE(text.starts_with("- word word"));
  EXPECT_NE(text.find("\n  word"), std::string::npos);
  for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    EXPECT_LE(end - at, 76U);
  }
  const std::string url = "https://s.example/" + std::string(200, 'x');
  EXPECT_NE(TextFromHtml("a " + url).find("a\n" + url), std::string::npos);
}

TEST(Body, HostileHtml) {
  for (const std::string_view piece :
       {"<div>",       "<ul><li>", "<ol>",         "<blockquote>a", "<a href='https://s.example/'>",
        "<table><td>", "<h1>a",    "<pre>\n",      "<b><p>",        "</ul>",
        "<br>",        "<hr>",     "<div hidden>", "<!--",          "<a href=\"",
        "\xff",        "a",        "&#0;",         "<p a='>",       "<li>x",
        "<style>",     "</body>"}) {
    std::string html;
    while (html.size() < size_t{1} << 20) html += piece;
    html += std::string("\0 \r\n", 4);
    const auto began = std::chrono::steady_clock::now();
    const std::string text = TextFromHtml(html);
    EXPECT_TRUE(IsValidUtf8(text));
    EXPECT_EQ(text.find('\0'), std::string::npos);
    EXPECT_LT(text.size(), 20 * html.size());
    Tracking tracking = Clicks();
    tracking.open_url = "https://l.example/o/T.gif";
    const std::string whole = TrackLinks(AddFooter(html, SomeFooter()), tracking);
    EXPECT_FALSE(NeedsFooter(whole, "https://l.example/u/T", "https://l.example/p/T")) << piece;
    EXPECT_NE(whole.find(tracking.open_url), std::string::npos);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << piece;
  }
}

}  // namespace
}  // namespace sojourn::deliver
