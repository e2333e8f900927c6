#include "engine/deliver/page_texts.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sojourn::deliver {
namespace {

class PageTextsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "texts-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
  }
  // The message, without the directory; "" where all is well.
  std::string Problem() {
    const auto texts = PageTexts::Read(directory_);
    if (texts.ok()) return "";
    std::string message = texts.status().message();
    const size_t at = message.find(directory_ + "/");
    return at == std::string::npos ? message : message.erase(at, directory_.size() + 1);
  }

  std::string directory_;
};

TEST_F(PageTextsTest, BuiltInLanguagesSayEverything) {
  for (const std::string& directory : {std::string(), directory_, directory_ + "/none"}) {
    const PageTexts texts = PageTexts::Read(directory).value();
    for (size_t i = 0; i < kPageTextCount; ++i) {
      const auto text = static_cast<PageText>(i);
      EXPECT_FALSE(texts.Get("en", text).empty()) << i;
      // No language was left in English by a key that is missing.
      if (text == PageText::kDirection) continue;
      EXPECT_NE(texts.Get("de", text), texts.Get("en", text)) << i;
      EXPECT_NE(texts.Get("zh", text), texts.Get("en", text)) << i;
    }
  }
}

TEST_F(PageTextsTest, LanguagesAreChosen) {
  Write("pt-br.yaml", "unsubscribe_title: Cancelar\n");
  const PageTexts texts = PageTexts::Read(directory_).value();
  EXPECT_EQ(texts.Choose("de", "zh"), "de");
  EXPECT_EQ(texts.Choose("DE-at", ""), "de");
  EXPECT_EQ(texts.Choose("zh_Hans_CN", ""), "zh");
  EXPECT_EQ(texts.Choose("pt-BR", ""), "pt-br");
  EXPECT_EQ(texts.Choose("pt", ""), "en");
  EXPECT_EQ(texts.Choose("", ""), "en");
  EXPECT_EQ(texts.Choose("fr", "fr-CH, de-CH;q=0.9, en;q=0.95 , zh;q=0"), "en");
  EXPECT_EQ(texts.Choose("fr", "fr, zh;q=0, de ; q=0.001"), "de");
  EXPECT_EQ(texts.Choose("", "*;q=0.5,,;;q=,\t-"), "en");
}

TEST_F(PageTextsTest, FilesChangeAndAdd) {
  Write("de.yaml", "unsubscribe_title: Weg damit\ntopics: {product-news: Neues}\n");
  Write("fr.yaml", "unsubscribe_topic: 'Arrêter {topic} ({topic}) ?'\n");
  Write("notes.txt", "nothing");
  const PageTexts texts = PageTexts::Read(directory_).value();
  EXPECT_EQ(texts.Get("de", PageText::kUnsubscribeTitle), "Weg damit");
  EXPECT_EQ(texts.Get("de", PageText::kUnsubscribeButton), "Abmelden");
  EXPECT_EQ(texts.TopicName("de", "product-news"), "Neues");
  EXPECT_EQ(texts.TopicName("de", "marketing"), "Angebote und Neuigkeiten");
  EXPECT_EQ(texts.TopicName("en", "product-news"), "Product news");
  EXPECT_EQ(texts.Get("fr", PageText::kUnsubscribeButton), "Unsubscribe");
  EXPECT_EQ(texts.Get("fr", PageText::kUnsubscribeTopic, "x-y"), "Arrêter X y (X y) ?");
}

TEST_F(PageTextsTest, ATopicMayBeNamedLikeItsPlace) {
  Write("en.yaml", "topics: {x: \"{topic}\"}\n");
  const PageTexts texts = PageTexts::Read(directory_).value();
  EXPECT_EQ(texts.Get("en", PageText::kUnsubscribedTopic, "x"),
            "You will get no more of these emails: {topic}.");
}

TEST_F(PageTextsTest, BadFilesAreNamedWithTheirPlace) {
  Write("de.yaml", "unsubscribe_title: x\nunsubscribe_tpic: y\n");
  EXPECT_TRUE(Problem().starts_with("de.yaml:2:1: ")) << Problem();
  EXPECT_NE(Problem().find("unsubscribe_topic"), std::string::npos) << Problem();
  Write("de.yaml", "unsubscribe_title: [x]\n");
  EXPECT_TRUE(Problem().starts_with("de.yaml:1:20: ")) << Problem();
  Write("de.yaml", "direction: up\n");
  EXPECT_TRUE(Problem().starts_with("de.yaml:1:12: ")) << Problem();
  Write("de.yaml", "a: 'b\n");
  EXPECT_TRUE(Problem().starts_with("de.yaml:")) << Problem();
  Write("de.yaml", "");
  EXPECT_TRUE(Problem().starts_with("de.yaml:")) << Problem();
  std::filesystem::remove(directory_ + "/de.yaml");
  EXPECT_EQ(Problem(), "");
  Write("German.yaml", "");
  EXPECT_TRUE(Problem().starts_with("German.yaml: a file of texts is named by")) << Problem();
}

}  // namespace
}  // namespace sojourn::deliver
