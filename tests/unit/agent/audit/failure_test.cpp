// SPDX-License-Identifier: Apache-2.0
// What happens to the trail and to the answers when lines can't be written: on a real file system that is full.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "tests/support/audit_fixture.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"

namespace tantalus {
namespace {

using test::AuditFixture;

/// Runs `body(folder)` with a file system of 64 KiB at `folder`, in a mount namespace of its own; it must give true.
void on_small_disk(
    const std::function<bool(const std::string&, const std::function<void(const std::string&)>&)>& body) {
  if (::geteuid() != 0) {
    SKIP("needs root to mount a file system");
  }
  const test::TempDir folder;
  const test::Ended ended = test::in_child([&](int out) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("small", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
      return 2;
    }
    return body(folder.path(), [out](const std::string& text) { test::say(out, text + "\n"); }) ? 0 : 1;
  });
  INFO(ended.said);
  REQUIRE_FALSE(ended.exited_with(2));
  CHECK(ended.exited_with(0));
}

/// Fills the disk but for a few bytes.
void fill(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string block(4096, 'x');
  while (::write(file.get(), block.data(), block.size()) > 0) {
  }
}

}  // namespace

TEST_CASE("with deny, a full disk lets no answer leave and tears no line", "[promise-9]") {
  on_small_disk([](const std::string& folder, const auto& say) {
    AuditFixture trail;
    trail.config.path = folder + "/audit.jsonl";
    trail.open();
    fill(folder + "/filler");
    int written = 0;
    while (true) {  // What is left of the file's last page.
      trail.turn();
      trail.resolve(trail.finance, "key-" + std::to_string(written));
      if (!trail.audit->flush()) {
        break;
      }
      ++written;
    }
    const AuditVerdict full = test::verdict_of(trail.text());
    say("written " + std::to_string(written) + ", problem: " + trail.audit->problem());
    if (written == 0 || written > 40 || !full.is_whole() || full.ends_torn || trail.audit->is_healthy() ||
        full.lines != static_cast<std::uint64_t>(written) + 1 || trail.audit->counters().failures != 1 ||
        trail.audit->head().seq != full.lines) {
      return false;
    }
    // Nothing leaves while it is full, whatever is asked.
    for (int i = 0; i < 5; ++i) {
      trail.turn();
      trail.resolve(trail.finance, std::string(4000, 'k'));
      if (trail.audit->flush()) {
        return false;
      }
    }
    ::unlink((folder + "/filler").c_str());
    trail.turn();
    trail.resolve(trail.finance, "again");
    if (!trail.audit->flush() || !trail.audit->is_healthy() || !trail.audit->problem().empty()) {
      return false;
    }
    const std::vector<std::string> lines = trail.lines();
    const AuditVerdict healed = test::verdict_of(trail.text());
    const std::string gap = ParsedAuditLine::parse(lines[lines.size() - 2])->text("detail").value_or("");
    say(gap);
    return healed.is_whole() && healed.torn == 0 && lines.size() == full.lines + 2 &&
           gap == "6 lines could not be written; their answers did not leave";
  });
}

TEST_CASE("with allow, a full disk lets answers leave, and the trail tells how many went without", "[promise-9]") {
  on_small_disk([](const std::string& folder, const auto& say) {
    AuditFixture trail;
    trail.config.path = folder + "/audit.jsonl";
    trail.config.on_failure = AuditFailure::allow;
    trail.open();
    fill(folder + "/filler");
    for (int i = 0; i < 60; ++i) {
      trail.turn();
      trail.resolve(trail.finance, "a");
      if (!trail.audit->flush() || !trail.audit->is_healthy()) {
        return false;
      }
    }
    const std::size_t there = trail.lines().size();
    ::unlink((folder + "/filler").c_str());
    trail.turn();
    trail.resolve(trail.finance, "again");
    if (!trail.audit->flush()) {
      return false;
    }
    const std::vector<std::string> lines = trail.lines();
    const std::string gap = ParsedAuditLine::parse(lines[there])->text("detail").value_or("");
    say(gap);
    return test::verdict_of(trail.text()).is_whole() &&
           gap == std::to_string(60 - (there - 1)) + " lines could not be written; their answers left";
  });
}

TEST_CASE("what is counted is not lost to a write that fails", "[promise-9][trap-143]") {
  on_small_disk([](const std::string& folder, const auto& say) {
    AuditFixture trail;
    trail.config.path = folder + "/audit.jsonl";
    trail.config.lines_per_second = 1;
    trail.open();
    trail.to_next_second();
    for (int i = 0; i < 100; ++i) {  // A line, a first line, 98 counted.
      trail.resolve(trail.finance, "a");
    }
    if (!trail.audit->flush()) {
      return false;
    }
    fill(folder + "/filler");
    // The rest of the file's last page too.
    const UniqueFd file(::open(trail.config.path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto end = ::lseek(file.get(), 0, SEEK_END);
    const std::string rest(static_cast<std::size_t>(4096 - end % 4096), '\n');
    const UniqueFd tail(::open(trail.config.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (::write(tail.get(), rest.data(), rest.size()) != static_cast<ssize_t>(rest.size())) {
      return false;
    }
    trail.to_next_second();  // The count is due and can't be written.
    if (trail.audit->is_healthy()) {
      say("healthy although nothing can be written");
      return false;
    }
    // An answer that would only be counted may not leave either now.
    trail.turn();
    trail.resolve(trail.finance, "a");
    if (trail.audit->flush()) {
      say("a counted answer left");
      return false;
    }
    ::unlink((folder + "/filler").c_str());
    if (::ftruncate(tail.get(), end) != 0) {
      return false;
    }
    trail.turn(Millis(2100));
    std::uint64_t told = 0;
    for (const std::string& line : trail.lines()) {
      const auto parsed = ParsedAuditLine::parse(line);
      told += parsed->text("event") == "resolve" ? parsed->number("count").value_or(1) : 0;
    }
    say("told " + std::to_string(told));
    return told == 100 && trail.audit->is_healthy() && test::verdict_of(trail.text()).is_whole();
  });
}

TEST_CASE("a failure in the middle of a turn denies all of the turn's answers", "[promise-9]") {
  on_small_disk([](const std::string& folder, const auto& say) {
    AuditFixture trail;
    trail.config.path = folder + "/audit.jsonl";
    trail.open();
    fill(folder + "/filler");
    bool first = true;
    bool second = true;
    trail.in_turn([&] {
      for (int i = 0; i < 60; ++i) {
        trail.resolve(trail.finance, "a");
      }
      first = trail.audit->flush();  // As an operator's request asks, before the turn ends.
      ::unlink((folder + "/filler").c_str());
      trail.resolve(trail.finance, "b");
      second = trail.audit->flush();
    });
    trail.turn();
    trail.resolve(trail.finance, "c");
    const bool third = trail.audit->flush();
    say(std::to_string(first) + std::to_string(second) + std::to_string(third) + trail.audit->problem());
    return !first && !second && third;
  });
}

TEST_CASE("a part that can't be cut back is named by the next line", "[promise-9]") {
  on_small_disk([](const std::string& folder, const auto& say) {
    const std::string path = folder + "/stdout";
    const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (::dup2(file.get(), STDOUT_FILENO) < 0) {
      return false;
    }
    AuditFixture trail;
    trail.config.path = "-";
    trail.open();
    fill(folder + "/filler");
    for (int i = 0; i < 3; ++i) {
      trail.turn();
      for (int line = 0; line < 30; ++line) {
        trail.resolve(trail.finance, "key-" + std::to_string(line));
      }
      if (trail.audit->flush()) {
        return false;
      }
    }
    const AuditVerdict torn = test::verdict_of(test::read_file(path));
    ::unlink((folder + "/filler").c_str());
    trail.turn();
    trail.resolve(trail.finance, "again");
    if (!torn.is_whole() || !torn.ends_torn || !trail.audit->flush()) {
      return false;
    }
    trail.audit->finish();
    const AuditVerdict verdict = test::verdict_of(test::read_file(path));
    say(verdict.finding ? verdict.finding->what : "whole");
    return verdict.is_whole() && verdict.torn == 1 && verdict.lines == torn.lines + 3;
  });
}

TEST_CASE("a file size limit is a failure like a full disk", "[promise-9]") {
  const test::Ended ended = test::in_child([](int) {
    AuditFixture trail;
    trail.open();
    const rlimit limit{2000, 2000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 20; ++i) {
      trail.turn();
      trail.resolve(trail.finance, "a");
      if (!trail.audit->flush()) {
        const AuditVerdict verdict = test::verdict_of(trail.text());
        return i > 0 && verdict.is_whole() && !verdict.ends_torn ? 0 : 1;
      }
    }
    return 3;
  });
  CHECK(ended.exited_with(0));
}

}  // namespace tantalus
