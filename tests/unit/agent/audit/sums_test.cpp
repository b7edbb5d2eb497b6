// SPDX-License-Identifier: Apache-2.0
// `audit.lines`: nobody floods the trail, nothing goes unmentioned.
#include "agent/audit/sums.h"

#include <filesystem>
#include <map>

#include "tests/support/audit_fixture.h"
#include "tests/support/catch.h"

namespace tantalus {
namespace {

using test::AuditFixture;

struct Told {
  std::uint64_t lines = 0;
  std::uint64_t times = 0;
};

/// What a trail tells of one event, by `outcome key`.
std::map<std::string, Told> told_of(const AuditFixture& trail, std::string_view event) {
  std::map<std::string, Told> told;
  for (const std::string& text : trail.lines()) {
    const std::optional<ParsedAuditLine> line = ParsedAuditLine::parse(text);
    REQUIRE(line);
    if (line->text("event") == event) {
      Told& each = told[line->text("outcome").value_or("") + " " + line->text("key").value_or("-")];
      ++each.lines;
      each.times += line->number("count").value_or(1);
    }
  }
  return told;
}

}  // namespace

TEST_CASE("beyond its lines, an identity's first answer of a second is a line and the rest are one",
          "[promise-9][promise-11][trap-143]") {
  AuditFixture trail;
  trail.config.lines_per_second = 10;
  trail.open();
  trail.to_next_second();
  for (int i = 0; i < 1000; ++i) {
    trail.resolve(trail.finance, "a");
  }
  REQUIRE(trail.audit->flush());
  CHECK(told_of(trail, "resolve")["ok a"].lines == 11);
  trail.to_next_second();
  Told told = told_of(trail, "resolve")["ok a"];
  CHECK(told.lines == 12);
  CHECK(told.times == 1000);
  CHECK(trail.last_number("count") == 989U);
  CHECK(trail.last_text("domain") == "finance");
  CHECK(trail.last_number("uid") == 1001U);
  CHECK(trail.last_text("source") == "file");
  CHECK(trail.last_text("scope") == "domain");
  CHECK_FALSE(trail.last_number("pid"));  // It can be several processes'.

  // The next second begins anew.
  trail.resolve(trail.finance, "a");
  REQUIRE(trail.audit->flush());
  CHECK(told_of(trail, "resolve")["ok a"].times == 1001);
  CHECK(test::verdict_of(trail.text()).is_whole());
}

TEST_CASE("each key and outcome is counted apart, and one caller's flood takes no other's lines",
          "[promise-11][trap-143]") {
  AuditFixture trail;
  trail.config.lines_per_second = 1;
  trail.open();
  trail.to_next_second();
  for (int i = 0; i < 50; ++i) {
    trail.resolve(trail.finance, "a");
    trail.resolve(trail.finance, "b");
    trail.resolve(trail.finance, "a", Code::not_found);
  }
  trail.resolve(trail.sales, "a");
  REQUIRE(trail.audit->flush());
  CHECK(trail.last_text("domain") == "sales");
  trail.to_next_second();
  std::map<std::string, Told> told = told_of(trail, "resolve");
  CHECK(told["ok a"].times == 51);
  CHECK(told["ok b"].times == 50);
  CHECK(told["not_found a"].times == 50);
  CHECK(told["ok b"].lines == 2);
  CHECK(told["not_found a"].lines == 2);
}

TEST_CASE("counts that end with the agent are told", "[promise-9]") {
  AuditFixture trail;
  trail.config.lines_per_second = 1;
  trail.open();
  trail.to_next_second();
  for (int i = 0; i < 100; ++i) {
    trail.resolve(trail.finance, "a");
  }
  trail.audit->finish();
  CHECK(told_of(trail, "resolve")["ok a"].times == 100);
  CHECK(trail.last_text("event") == "stop");
}

TEST_CASE("a flood of keys is counted without them", "[promise-9][promise-11][trap-143]") {
  AuditFixture trail;
  trail.config.lines_per_second = 10;
  trail.open();
  trail.to_next_second();
  for (int i = 0; i < 5000; ++i) {
    trail.resolve(trail.finance, "key-" + std::to_string(i % 2500), Code::not_found);
  }
  trail.audit->finish();
  std::map<std::string, Told> told = told_of(trail, "resolve");
  CHECK(told["not_found -"].lines == 1);
  CHECK(told["not_found -"].times > 4000);
  Told all;
  for (const auto& [name, each] : told) {
    all.lines += each.lines;
    all.times += each.times;
  }
  CHECK(all.times == 5000);
  CHECK(all.lines <= 10 + 2 * (AuditSums::max_places + 2));
  CHECK_THAT(trail.text(), Catch::Matchers::ContainsSubstring("several places"));
}

TEST_CASE("a long key is counted, without it", "[promise-14][trap-143]") {
  AuditFixture trail;
  trail.config.lines_per_second = 1;
  trail.open();
  trail.to_next_second();
  for (int i = 0; i < 20; ++i) {
    trail.resolve(trail.finance, std::string(100'000, 'k'), Code::invalid_request);
  }
  trail.audit->finish();
  std::map<std::string, Told> told = told_of(trail, "resolve");
  CHECK(told["invalid_request -"].times == 18);
}

TEST_CASE("refusals of an identity are one line a second, with their count", "[promise-9][trap-143]") {
  AuditFixture trail;
  trail.config.lines_per_second = 0;  // Counted all the same.
  trail.open();
  trail.to_next_second();
  const auto refuse = [&](int times) {
    for (int i = 0; i < times; ++i) {
      AuditRecord record{.event = AuditEvent::refuse, .failure = Code::overloaded, .who = &trail.finance};
      trail.audit->record(record);
    }
    REQUIRE(trail.audit->flush());
  };
  refuse(100);
  std::map<std::string, Told> told = told_of(trail, "refuse");
  CHECK(told["overloaded -"].lines == 1);
  CHECK(trail.last_number("count") == 1U);
  trail.to_next_second();
  refuse(100);
  told = told_of(trail, "refuse");
  CHECK(told["overloaded -"].lines == 2);
  CHECK(told["overloaded -"].times == 100);
  trail.to_next_second();
  told = told_of(trail, "refuse");
  CHECK(told["overloaded -"].lines == 3);
  CHECK(told["overloaded -"].times == 200);
}

TEST_CASE("without a bound every answer is a line", "[promise-9]") {
  AuditFixture trail;
  trail.config.lines_per_second = 0;
  trail.open();
  for (int i = 0; i < 3000; ++i) {
    trail.resolve(trail.finance, "a");
  }
  REQUIRE(trail.audit->flush());
  CHECK(trail.lines().size() == 3001);
}

TEST_CASE("operators' actions and the agent's own are never only counted", "[promise-9]") {
  AuditFixture trail;
  trail.config.lines_per_second = 1;
  trail.open();
  for (int i = 0; i < 50; ++i) {
    trail.audit->record({.event = AuditEvent::flush, .has_peer = true});
    trail.audit->record({.event = AuditEvent::reload});
  }
  REQUIRE(trail.audit->flush());
  CHECK(trail.lines().size() == 101);
}

TEST_CASE("a million reads leave thousands of lines whose counts add up to a million",
          "[promise-9][promise-11][trap-143]") {
  AuditFixture trail;
  trail.open();  // As configured by default.
  constexpr int reads = 1'000'000;
  for (int i = 0; i < reads; ++i) {
    trail.resolve(trail.finance, i % 3 == 0 ? "a" : "b");
    if (i % 10'000 == 0) {
      REQUIRE(trail.audit->flush());
      trail.turn();
    }
  }
  trail.audit->finish();
  std::uint64_t times = 0;
  for (const auto& [name, told] : told_of(trail, "resolve")) {
    times += told.times;
  }
  CHECK(times == reads);
  CHECK(trail.lines().size() < 50'000);
  CHECK(test::verdict_of(trail.text()).is_whole());
}

TEST_CASE("the identity of a count is that of its answers, also when a reload changes it", "[trap-139]") {
  AuditFixture trail;
  trail.config.lines_per_second = 1;
  trail.open();
  trail.to_next_second();
  test::IdentityMaker maker(IdentityConfig{});
  const Identity without_domain = maker.user(1001);
  REQUIRE(without_domain.principal() == trail.finance.principal());
  for (int i = 0; i < 50; ++i) {
    trail.resolve(trail.finance, "a");
  }
  for (int i = 0; i < 30; ++i) {
    trail.resolve(without_domain, "a");
  }
  trail.audit->finish();
  std::map<std::string, std::uint64_t> by_domain;
  for (const std::string& text : trail.lines()) {
    const std::optional<ParsedAuditLine> line = ParsedAuditLine::parse(text);
    if (line->text("event") == "resolve") {
      by_domain[line->text("domain").value_or("-")] += line->number("count").value_or(1);
    }
  }
  CHECK(by_domain == std::map<std::string, std::uint64_t>{{"finance", 50}, {"-", 30}});
}

}  // namespace tantalus
