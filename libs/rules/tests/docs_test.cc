// docs/rules.md says what is: its tables are those of the code, its rules parse, its errors are the parser's.
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

std::string Page() {
  std::ifstream file(RULES_PAGE);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_GT(text.str().size(), 1'000U) << RULES_PAGE;
  return text.str();
}

// What stands in blocks of that kind.
std::vector<std::string> Blocks(const std::string& page, std::string_view kind) {
  std::vector<std::string> blocks;
  const std::string open = fmt::format("```{}\n", kind);
  for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    const size_t end = page.find("\n```", at);
    blocks.push_back(page.substr(at, end - at));
  }
  return blocks;
}

// The rows of the table after that heading.
std::string Table(const std::string& page, std::string_view heading) {
  const size_t begin = page.find("|---", page.find(heading));
  const size_t rows = page.find('\n', begin) + 1;
  return page.substr(rows, page.find("\n\n", rows) + 1 - rows);
}

std::string Path(std::string_view name, std::string_view key) {
  return key.empty() ? fmt::format("`{}`", name) : fmt::format("`{}.<{}>`", name, key);
}

TEST(RulesPage, ListsTheFieldsOfCustomers) {
  std::string rows;
  for (const auto& field : CustomerFields()) {
    rows += fmt::format("| {} | {} | {} |\n", Path(field.name, field.key), field.type, field.meaning);
  }
  EXPECT_EQ(Table(Page(), "### Fields of customers"), rows);
}

TEST(RulesPage, ListsTheFieldsOfEvents) {
  std::string rows;
  for (const auto& field : EventFields()) {
    rows += fmt::format("| {} | {} | {} | {} |\n", Path(field.name, field.key), field.type,
                        field.bodies.empty() ? "all" : field.bodies, field.meaning);
  }
  EXPECT_EQ(Table(Page(), "### Fields of events"), rows);
}

TEST(RulesPage, ItsRulesParse) {
  const auto rules = Blocks(Page(), "rule");
  EXPECT_GE(rules.size(), 10U);
  for (const std::string& rule : rules) {
    const auto parsed = ParseRule(rule);
    EXPECT_TRUE(parsed.ok()) << parsed.status() << "\n" << rule;
  }
}

TEST(RulesPage, ItsErrorsAreTheParsers) {
  const auto errors = Blocks(Page(), "rule-error");
  EXPECT_GE(errors.size(), 2U);
  for (const std::string& error : errors) {
    const size_t line = error.find('\n');
    EXPECT_EQ(ParseRule(error.substr(0, line)).status().message(), error.substr(line + 1));
  }
}

}  // namespace
}  // namespace tributary::rules
