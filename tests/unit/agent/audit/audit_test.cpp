// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/audit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/audit_fixture.h"
#include "tests/support/catch.h"

namespace tantalus {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using test::AuditFixture;

ParsedAuditLine parsed(const std::string& line) {
  const std::optional<ParsedAuditLine> parsed = ParsedAuditLine::parse(line);
  INFO(line);
  REQUIRE(parsed);
  return *parsed;
}

AuditVerdict verdict_of(const std::vector<std::string>& files) {
  const Result<AuditVerdict> verdict = verify_audit(files, std::nullopt);
  REQUIRE(verdict);
  INFO((verdict->finding ? verdict->finding->file + ": " + verdict->finding->what : ""));
  CHECK(verdict->is_whole());
  return *verdict;
}

}  // namespace

TEST_CASE("an answer is a whole line before flush() lets it go", "[promise-9]") {
  AuditFixture trail;
  trail.open();
  AuditRecord record{.event = AuditEvent::resolve};
  record.who = &trail.finance;
  record.source = Source::kubernetes;
  record.scope = Scope::domain;
  record.key = "db-password";
  record.version = "7";
  record.of_value = true;
  record.cached = true;
  record.age = Millis(12);
  record.took = std::chrono::microseconds(34);
  trail.audit->record(record);
  CHECK(trail.lines().size() == 1);
  REQUIRE(trail.audit->flush());
  const std::vector<std::string> lines = trail.lines();
  REQUIRE(lines.size() == 2);
  const ParsedAuditLine line = parsed(lines[1]);
  CHECK(line.seq() == 2);
  CHECK(line.text("event") == "resolve");
  CHECK(line.text("outcome") == "ok");
  CHECK(line.text("domain") == "finance");
  CHECK(line.flag("admin") == false);
  CHECK(line.text("attested_by") == "user");
  CHECK(line.number("uid") == 1001U);
  CHECK(line.number("pid") == 42U);
  CHECK(line.text("source") == "kubernetes");
  CHECK(line.text("scope") == "domain");
  CHECK(line.text("key") == "db-password");
  CHECK(line.text("version") == "7");
  CHECK(line.flag("cached") == true);
  CHECK(line.flag("stale") == false);
  CHECK(line.number("age_ms") == 12U);
  CHECK(line.number("took_us") == 34U);
  CHECK_FALSE(line.number("count"));
  const auto now = std::chrono::system_clock::now();
  REQUIRE(line.time());
  CHECK(*line.time() <= now);
  CHECK(*line.time() > now - std::chrono::minutes(1));
  CHECK(trail.audit->head().seq == 2);
  CHECK(trail.audit->head().hash == line.hash());
  CHECK(trail.audit->counters().lines == 2);
}

TEST_CASE("a refusal is a line with its code, also of who could not be attested", "[promise-9]") {
  AuditFixture trail;
  trail.open();
  trail.resolve(trail.sales, "x", Code::permission_denied);
  AuditRecord unattested{.event = AuditEvent::resolve, .failure = Code::unauthenticated};
  unattested.has_peer = true;
  unattested.unattested_pid = 77;
  unattested.unattested_uid = 78;
  trail.audit->record(unattested);
  REQUIRE(trail.audit->flush());
  const std::vector<std::string> lines = trail.lines();
  REQUIRE(lines.size() == 3);
  CHECK(parsed(lines[1]).text("outcome") == "permission_denied");
  const ParsedAuditLine line = parsed(lines[2]);
  CHECK(line.text("outcome") == "unauthenticated");
  CHECK(line.number("pid") == 77U);
  CHECK(line.number("uid") == 78U);
  CHECK_FALSE(line.text("domain"));
  CHECK_FALSE(line.flag("admin"));
  CHECK_FALSE(line.text("attested_by"));
}

TEST_CASE("the file is its owner's and group's alone, and nothing is written where nothing happened") {
  AuditFixture trail;
  trail.open();
  struct stat about{};
  REQUIRE(::stat(trail.config.path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == (0640 & ~[] {
          const mode_t mask = ::umask(0);
          ::umask(mask);
          return mask;
        }()));
  const std::string before = trail.text();
  CHECK(trail.audit->flush());
  CHECK(trail.text() == before);
}

TEST_CASE("a trail begins with start and ends with stop, and a restart goes on with its chain", "[promise-9]") {
  AuditFixture trail;
  for (int run = 0; run < 3; ++run) {
    trail.open();
    trail.resolve(trail.finance, "a");
    REQUIRE(trail.audit->flush());
    trail.audit->finish();
  }
  const std::vector<std::string> lines = trail.lines();
  REQUIRE(lines.size() == 9);
  CHECK(parsed(lines[0]).prev() == std::string(64, '0'));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const char* const events[] = {"start", "resolve", "stop"};
    CHECK(parsed(lines[i]).text("event") == events[i % 3]);
    CHECK(parsed(lines[i]).seq() == i + 1);
  }
  CHECK(parsed(lines[0]).text("detail") == "tantalusd 9.9");
  CHECK(verdict_of({trail.config.path}).lines == 9);
}

TEST_CASE("a torn last line is left as it is, named in the start line, and verifies", "[promise-9]") {
  AuditFixture trail;
  trail.open();
  trail.resolve(trail.finance, "a");
  trail.audit->finish();
  trail.audit.reset();
  const std::string whole = trail.text();
  std::string torn = whole;
  SECTION("half a line") {
    torn += R"({"seq":4,"time)";
  }
  SECTION("the last line itself") {
    torn.resize(whole.size() - 30);
  }
  SECTION("zeros, after a loss of power") {
    torn += std::string(100'000, '\0');
  }
  test::write_file(trail.config.path, torn);
  trail.open();
  trail.resolve(trail.finance, "b");
  REQUIRE(trail.audit->flush());
  CHECK(trail.text().starts_with(torn + "\n"));
  CHECK(verdict_of({trail.config.path}).torn == 1);
}

TEST_CASE("a last line that only lacks its end is whole", "[promise-9]") {
  AuditFixture trail;
  trail.open();
  trail.audit.reset();
  const std::string whole = trail.text();
  test::write_file(trail.config.path, whole.substr(0, whole.size() - 1));
  trail.open();
  CHECK(trail.text().starts_with(whole));
  const AuditVerdict verdict = verdict_of({trail.config.path});
  CHECK(verdict.torn == 0);
  CHECK(verdict.lines == 2);
}

TEST_CASE("a torn first line is all that there is", "[promise-9]") {
  AuditFixture trail;
  test::write_file(trail.config.path, "{\"seq\":1,");
  trail.open();
  const AuditVerdict verdict = verdict_of({trail.config.path});
  CHECK(verdict.torn == 1);
  CHECK(verdict.lines == 1);
}

TEST_CASE("a file that is no trail is refused and left alone") {
  AuditFixture trail;
  const std::string text = "somebody's\nlog\n";
  test::write_file(trail.config.path, text);
  const Result<void> opened = trail.try_open();
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().message,
             StartsWith("audit.path " + trail.config.path) && ContainsSubstring("move it away"));
  CHECK(trail.text() == text);
}

TEST_CASE("a full file is rotated, the chain goes on, and only so many are kept", "[promise-9][trap-143]") {
  AuditFixture trail;
  trail.config.max_bytes = 4096;
  trail.config.keep = 3;
  trail.open();
  for (int i = 0; i < 100; ++i) {
    trail.resolve(trail.finance, "key-" + std::to_string(i));
    REQUIRE(trail.audit->flush());
  }
  const auto rotated = [&](int number) { return trail.config.path + "." + std::to_string(number); };
  for (int number = 1; number <= 3; ++number) {
    REQUIRE(std::filesystem::exists(rotated(number)));
    CHECK(std::filesystem::file_size(rotated(number)) <= 4096);
  }
  CHECK_FALSE(std::filesystem::exists(rotated(4)));
  CHECK(std::filesystem::file_size(trail.config.path) <= 4096);
  const AuditVerdict verdict = verdict_of({rotated(3), rotated(2), rotated(1), trail.config.path});
  CHECK(verdict.last_seq == 101);
  CHECK(verdict.first_seq > 1);
  CHECK(trail.audit->counters().failures == 0);

  SECTION("also when the new one is still empty at the next start") {
    trail.audit.reset();
    std::filesystem::rename(trail.config.path, rotated(0));
    std::filesystem::rename(rotated(1), rotated(2));
    std::filesystem::rename(rotated(0), rotated(1));
    trail.open();
    CHECK(trail.audit->head().seq == 102);
    verdict_of({rotated(1), trail.config.path});
  }
}

TEST_CASE("one batch larger than max_bytes is written whole") {
  AuditFixture trail;
  trail.config.max_bytes = 1000;
  trail.open();
  for (int i = 0; i < 50; ++i) {
    trail.resolve(trail.finance, "key-" + std::to_string(i));
  }
  REQUIRE(trail.audit->flush());
  CHECK(verdict_of({trail.config.path + ".1", trail.config.path}).lines == 51);
}

TEST_CASE("without old files to keep, a full file is begun anew") {
  AuditFixture trail;
  trail.config.max_bytes = 1000;
  trail.config.keep = 0;
  trail.open();
  for (int i = 0; i < 10; ++i) {
    trail.resolve(trail.finance, "a");
    REQUIRE(trail.audit->flush());
  }
  CHECK_FALSE(std::filesystem::exists(trail.config.path + ".1"));
  CHECK(verdict_of({trail.config.path}).last_seq == 11);
}

TEST_CASE("a file that was moved away is opened anew, on a signal or when its inode changed", "[promise-9]") {
  AuditFixture trail;
  trail.open();
  trail.turn();
  const std::string moved = trail.folder / "moved";
  std::filesystem::rename(trail.config.path, moved);
  SECTION("at once, on the signal") {
    trail.audit->reopen();
  }
  SECTION("by itself, within about a second") {
    trail.turn(Millis(1100));
  }
  SECTION("by itself, where another file took its place") {
    test::write_file(trail.config.path, "");
    trail.turn(Millis(1100));
  }
  trail.resolve(trail.finance, "a");
  REQUIRE(trail.audit->flush());
  CHECK(trail.lines().size() == 1);
  CHECK(verdict_of({moved, trail.config.path}).lines == 2);
  CHECK(trail.audit->counters().failures == 0);
}

TEST_CASE("reopening a file that was not moved changes nothing") {
  AuditFixture trail;
  trail.open();
  trail.audit->reopen();
  trail.resolve(trail.finance, "a");
  REQUIRE(trail.audit->flush());
  CHECK(verdict_of({trail.config.path}).lines == 2);
}

TEST_CASE("with deny, a path that can't be opened refuses to start and says what to do", "[promise-9]") {
  AuditFixture trail;
  trail.config.path = trail.folder / "missing/audit.jsonl";
  const Result<void> opened = trail.try_open();
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().message, ContainsSubstring(trail.config.path) && ContainsSubstring("No such file") &&
                                         ContainsSubstring("audit.on_failure: allow"));
  trail.config.path = trail.folder.path();
  CHECK_FALSE(trail.try_open());
}

TEST_CASE("with allow, a path that can't be opened is tried again and the gap is told", "[promise-9]") {
  AuditFixture trail;
  trail.config.path = trail.folder / "later/audit.jsonl";
  trail.config.on_failure = AuditFailure::allow;
  trail.open();
  trail.turn();
  trail.resolve(trail.finance, "a");
  CHECK(trail.audit->flush());
  CHECK(trail.audit->is_healthy());  // Nothing is denied.
  CHECK_THAT(trail.audit->problem(), ContainsSubstring("No such file"));
  CHECK(trail.audit->counters().failures > 0);
  std::filesystem::create_directory(trail.folder / "later");
  trail.turn(Millis(1100));
  trail.resolve(trail.finance, "b");
  CHECK(trail.audit->flush());
  trail.resolve(trail.finance, "c");
  CHECK(trail.audit->flush());
  CHECK(trail.audit->problem().empty());
  const std::vector<std::string> lines = trail.lines();
  REQUIRE(lines.size() == 2);
  CHECK_THAT(parsed(lines[0]).text("detail").value_or(""), ContainsSubstring("2 lines could not be written"));
  CHECK(parsed(lines[1]).text("key") == "c");
}

TEST_CASE("two agents never write one trail") {
  AuditFixture trail;
  trail.open();
  const Result<std::unique_ptr<Audit>> second = Audit::open(trail.config, trail.loop, "9.9");
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message, ContainsSubstring("another process writes it"));
  CHECK(trail.lines().size() == 1);
}

TEST_CASE("an audit that is off lets everything go") {
  AuditFixture trail;
  trail.config.path.clear();
  trail.open();
  trail.resolve(trail.finance, "a");
  CHECK(trail.audit->flush());
  CHECK(trail.audit->is_healthy());
  trail.audit->finish();
}

TEST_CASE("a reload changes the path, and the old trail says where it ends", "[promise-9]") {
  AuditFixture trail;
  trail.open();
  const AuditConfig before = trail.config;
  trail.resolve(trail.finance, "a");
  AuditConfig after = before;
  after.path = trail.folder / "missing/b.jsonl";
  const Result<void> refused = trail.audit->reconfigure(after);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("missing/b.jsonl"));

  after.path = trail.folder / "b.jsonl";
  REQUIRE(trail.audit->reconfigure(after));
  trail.resolve(trail.finance, "b");
  REQUIRE(trail.audit->flush());
  CHECK(verdict_of({before.path}).lines == 3);
  const std::vector<std::string> old_lines = test::lines_of(test::read_file(before.path));
  CHECK(parsed(old_lines.back()).text("event") == "stop");
  CHECK(verdict_of({after.path}).lines == 2);

  after.path = "";
  REQUIRE(trail.audit->reconfigure(after));
  trail.resolve(trail.finance, "c");
  CHECK(trail.audit->flush());
  REQUIRE(trail.audit->reconfigure(before));
  CHECK(verdict_of({before.path}).lines == 4);
  CHECK(verdict_of({trail.folder / "b.jsonl"}).lines == 3);
}

TEST_CASE("lines are synced off the loop, or before each answer with always") {
  AuditFixture trail;
  SECTION("by and by") {
    trail.config.sync = Millis(10);
  }
  SECTION("always") {
    trail.config.sync.reset();
  }
  trail.open();
  trail.resolve(trail.finance, "a");
  REQUIRE(trail.audit->flush());
  trail.turn(Millis(60));
  trail.resolve(trail.finance, "b");
  REQUIRE(trail.audit->flush());
  SECTION("it may end while a sync is under way") {
    trail.turn(Millis(12));
    trail.audit.reset();
    trail.turn(Millis(5));
  }
  CHECK(verdict_of({trail.config.path}).lines == 3);
}

}  // namespace tantalus
