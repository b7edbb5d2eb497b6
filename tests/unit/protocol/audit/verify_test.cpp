// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/verify.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/trail.h"

namespace tantalus {
namespace {

using Kind = AuditFinding::Kind;

struct Found {
  std::optional<Kind> kind;
  std::uint64_t line = 0;
  friend bool operator==(const Found&, const Found&) = default;
};

Found found_in(const std::vector<std::string>& lines, std::string_view head = {}) {
  const AuditVerdict verdict = test::verdict_of(test::joined(lines), head);
  return verdict.finding ? Found{verdict.finding->kind, verdict.finding->line} : Found{};
}

std::vector<std::string> ten_lines() {
  AuditChain chain;
  return test::lines_of(test::trail(10, chain));
}

/// The line with another key, its hash as it was.
std::string edited(std::string line) {
  line.replace(line.find("key-"), 4, "lie-");
  return line;
}

/// The same line with its hash made anew, as whoever edits with care would.
std::string rehashed(const std::string& line) {
  const std::string hashed = line.substr(0, line.rfind(",\"hash\":"));
  return hashed + ",\"hash\":\"" + std::string(view(Sha256().of(hashed))) + "\"}";
}

std::string hash_of(const std::string& line) {
  return line.substr(line.size() - 66, 64);
}

}  // namespace

TEST_CASE("a whole trail verifies and tells its head", "[promise-9]") {
  AuditChain chain;
  const std::string text = test::trail(10, chain);
  const AuditVerdict verdict = test::verdict_of(text);
  CHECK(verdict.is_whole());
  CHECK(verdict.lines == 10);
  CHECK(verdict.first_seq == 1);
  CHECK(verdict.last_seq == 10);
  CHECK(verdict.head == view(chain.head().hash));
  CHECK_FALSE(verdict.ends_torn);
  const AuditVerdict nothing = test::verdict_of("");
  CHECK(nothing.is_whole());
  CHECK(nothing.lines == 0);
}

TEST_CASE("a changed line is found wherever it is", "[promise-9]") {
  for (std::size_t at = 0; at < 10; ++at) {
    std::vector<std::string> lines = ten_lines();
    lines[at] = edited(lines[at]);
    CHECK(found_in(lines) == Found{Kind::changed, at + 1});
  }
}

TEST_CASE("a changed line with a hash made anew is found by the line after it", "[promise-9]") {
  for (std::size_t at = 0; at < 9; ++at) {
    std::vector<std::string> lines = ten_lines();
    lines[at] = rehashed(edited(lines[at]));
    CHECK(found_in(lines) == Found{Kind::changed, at + 1});
  }
}

TEST_CASE("every single changed byte is found", "[promise-9]") {
  AuditChain chain;
  const std::string text = test::trail(3, chain);
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    INFO(at);
    CHECK_FALSE(test::verdict_of(changed).is_whole());
  }
}

TEST_CASE("a line that became something else is found", "[promise-9]") {
  for (const char* other : {"", "garbage", "{}", "\x01\x02"}) {
    std::vector<std::string> lines = ten_lines();
    lines[4] = other;
    CHECK(found_in(lines) == Found{Kind::changed, 5});
    lines[9] = other;
    CHECK(found_in({lines.begin() + 5, lines.end()}) == Found{Kind::changed, 5});
  }
}

TEST_CASE("lines cut out of the middle are found", "[promise-9]") {
  for (std::size_t at = 1; at < 9; ++at) {
    std::vector<std::string> lines = ten_lines();
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
    CHECK(found_in(lines) == Found{Kind::missing, at + 1});
  }
  std::vector<std::string> lines = ten_lines();
  lines.erase(lines.begin() + 3, lines.begin() + 7);
  CHECK(found_in(lines) == Found{Kind::missing, 4});
  CHECK_THAT(test::verdict_of(test::joined(lines)).finding->what, Catch::Matchers::ContainsSubstring("seq 4 to 7"));
}

TEST_CASE("a line put in is found, whatever care it was made with", "[promise-9]") {
  for (std::size_t at = 1; at < 10; ++at) {
    const std::vector<std::string> good = ten_lines();
    const auto put_in = [&](const std::string& line) {
      std::vector<std::string> lines = good;
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), line);
      return found_in(lines);
    };
    CHECK(put_in("garbage") == Found{Kind::put_in, at + 1});
    CHECK(put_in("") == Found{Kind::put_in, at + 1});
    CHECK(put_in(good[at - 1]) == Found{Kind::put_in, at + 1});
    CHECK(put_in(edited(good[at])) == Found{Kind::put_in, at + 1});
    // At the very end nothing tells which of the two was there first.
    const std::size_t found = at < 9 ? at + 1 : at + 2;
    CHECK(put_in(rehashed(edited(good[at]))) == Found{Kind::put_in, found});
  }
}

TEST_CASE("lines in another order are found", "[promise-9]") {
  std::vector<std::string> lines = ten_lines();
  std::swap(lines[3], lines[4]);
  CHECK_FALSE(test::verdict_of(test::joined(lines)).is_whole());
}

TEST_CASE("a cut tail is found by a head known from elsewhere, and an older head is as good", "[promise-9]") {
  std::vector<std::string> lines = ten_lines();
  const std::string last = hash_of(lines.back());
  const std::string older = hash_of(lines[4]);
  CHECK(found_in(lines, last) == Found{});
  CHECK(found_in(lines, older) == Found{});
  lines.resize(7);
  CHECK(found_in(lines) == Found{});
  CHECK(found_in(lines, last) == Found{Kind::no_head, 0});
  CHECK(found_in(lines, older) == Found{});
}

TEST_CASE("a chain made anew is found by a head known from elsewhere", "[promise-9]") {
  AuditChain chain;
  std::vector<std::string> lines = test::lines_of(test::trail(10, chain));
  const std::string head = hash_of(lines.back());
  AuditChain forged;
  AuditLine other;
  other.event = "resolve";
  std::string text;
  for (int i = 0; i < 10; ++i) {
    forged.append(text, other);
  }
  CHECK(test::verdict_of(text).is_whole());
  CHECK_FALSE(test::verdict_of(text, head).is_whole());
}

TEST_CASE("a trail whose beginning is not given verifies from its first line on", "[promise-9]") {
  std::vector<std::string> lines = ten_lines();
  lines.erase(lines.begin(), lines.begin() + 4);
  const AuditVerdict verdict = test::verdict_of(test::joined(lines));
  CHECK(verdict.is_whole());
  CHECK(verdict.first_seq == 5);
  CHECK(verdict.lines == 6);
}

TEST_CASE("a first line that claims to follow another is found", "[promise-9]") {
  AuditChain chain(ChainHead(0, Sha256().of("something")));
  CHECK_FALSE(test::verdict_of(test::trail(2, chain)).is_whole());
}

TEST_CASE("a torn line is passed over if the start line after it names it", "[promise-9]") {
  AuditChain chain;
  std::string text = test::trail(3, chain);
  std::string torn = R"({"seq":4,"time":"2026-)";
  SECTION("half a line") {}
  SECTION("the zeros that a crash can leave, longer than any line") {
    torn.assign(3 * AuditChain::max_line + 5, '\0');
  }
  SECTION("several lines of garbage") {
    torn += "\nmore\n\nand more";
  }
  const HashText torn_hash = Sha256().of(torn);
  AuditLine start;
  start.event = "start";
  start.outcome = "ok";
  start.torn_bytes = torn.size();
  start.torn_hash = view(torn_hash);

  std::string named = text + torn + "\n";
  AuditChain went_on(chain.head());
  went_on.append(named, start);
  named += test::trail(2, went_on);
  const AuditVerdict verdict = test::verdict_of(named);
  CHECK(verdict.is_whole());
  CHECK(verdict.torn == 1);
  CHECK(verdict.lines == 6);

  SECTION("not another torn line") {
    named[text.size() + 1] = 'x';
    CHECK_FALSE(test::verdict_of(named).is_whole());
  }
  SECTION("not by a line of another event") {
    start.event = "resolve";
    std::string other = text + torn + "\n";
    AuditChain again(chain.head());
    again.append(other, start);
    CHECK_FALSE(test::verdict_of(other).is_whole());
  }
  SECTION("not without being named") {
    start.torn_bytes.reset();
    start.torn_hash = {};
    std::string other = text + torn + "\n";
    AuditChain again(chain.head());
    again.append(other, start);
    CHECK_FALSE(test::verdict_of(other).is_whole());
  }
}

TEST_CASE("a changed last line is not excused by a start line that names it", "[promise-9]") {
  AuditChain chain;
  std::vector<std::string> lines = test::lines_of(test::trail(3, chain));
  const std::string changed = edited(lines[2]);
  const std::string before = hash_of(lines[1]);
  HashText before_hash;
  std::ranges::copy(before, before_hash.begin());
  const HashText torn_hash = Sha256().of(changed);
  AuditLine start;
  start.event = "start";
  start.torn_bytes = changed.size();
  start.torn_hash = view(torn_hash);
  std::string text = lines[0] + "\n" + lines[1] + "\n" + changed + "\n";
  AuditChain again(ChainHead(2, before_hash));
  again.append(text, start);
  const AuditVerdict verdict = test::verdict_of(text);
  REQUIRE(verdict.finding);
  CHECK(verdict.finding->kind == Kind::changed);
  CHECK(verdict.finding->line == 3);
}

TEST_CASE("a trail that ends in the middle of a line says so", "[promise-9]") {
  AuditChain chain;
  const std::string text = test::trail(3, chain);
  const AuditVerdict verdict = test::verdict_of(text.substr(0, text.size() - 20));
  CHECK(verdict.is_whole());
  CHECK(verdict.ends_torn);
  CHECK(verdict.lines == 2);
  const AuditVerdict no_newline = test::verdict_of(text.substr(0, text.size() - 1));
  CHECK(no_newline.is_whole());
  CHECK_FALSE(no_newline.ends_torn);
  CHECK(no_newline.lines == 3);
}

TEST_CASE("the chain goes over several files, in their order", "[promise-9]") {
  const test::TempDir folder;
  const std::vector<std::string> lines = ten_lines();
  const std::vector<std::string> files{folder / "a", folder / "b", folder / "c"};
  test::write_file(files[0], test::joined({lines.begin(), lines.begin() + 4}));
  test::write_file(files[1], "");
  test::write_file(files[2], test::joined({lines.begin() + 4, lines.end()}));

  Result<AuditVerdict> verdict = verify_audit(files, std::nullopt);
  REQUIRE(verdict);
  CHECK(verdict->is_whole());
  CHECK(verdict->lines == 10);

  verdict = verify_audit(std::vector{files[2], files[0]}, std::nullopt);
  REQUIRE(verdict);
  REQUIRE(verdict->finding);
  CHECK(verdict->finding->file == files[0]);
  CHECK_THAT(verdict->finding->what, Catch::Matchers::ContainsSubstring("oldest first"));

  std::vector<std::string> changed(lines.begin() + 4, lines.end());
  changed[2] = edited(changed[2]);
  test::write_file(files[2], test::joined(changed));
  verdict = verify_audit(files, hash_of(lines[1]));
  REQUIRE(verdict);
  REQUIRE(verdict->finding);
  CHECK(verdict->finding->file == files[2]);
  CHECK(verdict->finding->line == 3);
}

TEST_CASE("a file that can't be read and a head that is none are refused, named") {
  const test::TempDir folder;
  const std::vector<std::string> missing{folder / "missing"};
  const Result<AuditVerdict> verdict = verify_audit(missing, std::nullopt);
  REQUIRE_FALSE(verdict);
  CHECK_THAT(verdict.error().message, Catch::Matchers::ContainsSubstring("missing"));
  CHECK_THAT(verdict.error().message, Catch::Matchers::ContainsSubstring("No such file"));
  CHECK_FALSE(verify_audit(std::vector{folder.path()}, std::nullopt));
  CHECK_FALSE(verify_audit({}, "abc"));
  CHECK_FALSE(verify_audit({}, std::string(64, 'G')));
}

}  // namespace tantalus
