// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tantalus;
using namespace std::chrono_literals;
using test::TempDir;

namespace {

Task<void> count_changes(PathWatch& watch, Cancel& cancel, int& changes) {
  while (!cancel.is_cancelled()) {
    auto change = watch.changed(cancel);
    co_await change;
    ++changes;
  }
}

/// Runs the loop until `changes` reached `wanted`, or for a while if it must not.
bool runs_until(Loop& loop, int& changes, int wanted, std::chrono::milliseconds patience = 10s) {
  bool timed_out = false;
  Timer deadline(loop, [&] {
    timed_out = true;
    loop.stop();
  });
  deadline.arm(loop.precise_now() + patience);
  loop.set_before_sleep([&] {
    if (changes >= wanted) {
      loop.stop();
    }
  });
  loop.run();
  loop.set_before_sleep([] {});
  return !timed_out;
}

void write_file(const std::string& path) {
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("files made, written, renamed and removed, and modes changed, are changes of their directory") {
  Loop loop;
  const TempDir dir;
  auto watch = loop.watch_paths();
  REQUIRE(watch);
  REQUIRE((*watch)->set_directories(std::vector{dir.path()}));
  Cancel cancel;
  int changes = 0;
  auto counter = count_changes(**watch, cancel, changes);
  counter.start();

  const auto expect_change = [&](const auto& act) {
    const int before = changes;
    act();
    CHECK(runs_until(loop, changes, before + 1));
    runs_until(loop, changes, 1'000'000, 20ms);  // What else the same act caused.
  };
  expect_change([&] { write_file(dir / "a"); });
  expect_change([&] { write_file(dir / "a"); });
  expect_change([&] { std::filesystem::rename(dir / "a", dir / "b"); });
  expect_change([&] { ::chmod((dir / "b").c_str(), 0600); });
  expect_change([&] { std::filesystem::remove(dir / "b"); });
  expect_change([&] { std::filesystem::create_symlink("target", dir / "..data_tmp"); });
  expect_change([&] { std::filesystem::rename(dir / "..data_tmp", dir / "..data"); });
  expect_change([&] { std::filesystem::remove_all(dir.path()); });
}

TEST_CASE("a change before anybody waits is not lost, and many of them are one") {
  Loop loop;
  const TempDir dir;
  auto watch = loop.watch_paths();
  REQUIRE(watch);
  REQUIRE((*watch)->set_directories(std::vector{dir.path()}));
  int changes = 0;
  for (int i = 0; i < 100; ++i) {
    write_file(dir / std::to_string(i));
  }
  const std::uint64_t before = loop.turns();
  int never = 0;
  runs_until(loop, never, 1, 50ms);
  for (int i = 0; i < 100; ++i) {
    write_file(dir / std::to_string(i));
  }
  runs_until(loop, never, 1, 50ms);
  CHECK(loop.turns() - before < 10);  // A busy directory does not keep the loop awake.

  Cancel cancel;
  auto counter = count_changes(**watch, cancel, changes);
  counter.start();
  CHECK(changes >= 1);
  runs_until(loop, changes, 1'000'000, 50ms);
  CHECK(changes <= 3);
}

TEST_CASE("a wait for changes ends when it is cancelled, and leaves a change for the next one") {
  Loop loop;
  const TempDir dir;
  auto watch = loop.watch_paths();
  REQUIRE(watch);
  REQUIRE((*watch)->set_directories(std::vector{dir.path()}));
  Cancel cancel;
  auto wait = (*watch)->changed(cancel);
  wait.start();
  CHECK_FALSE(wait.is_done());
  write_file(dir / "a");
  cancel.cancel();
  int never = 0;
  runs_until(loop, never, 1, 20ms);
  CHECK(wait.is_done());

  Cancel other;
  auto next = (*watch)->changed(other);
  next.start();
  CHECK(next.is_done());
  {
    auto destroyed = (*watch)->changed(other);
    destroyed.start();
    CHECK_FALSE(destroyed.is_done());
  }
  write_file(dir / "b");
  runs_until(loop, never, 1, 20ms);  // Wakes nobody.
}

TEST_CASE("a directory that can't be watched is named, and the others are watched") {
  Loop loop;
  const TempDir dir;
  auto watch = loop.watch_paths();
  REQUIRE(watch);
  const auto set = (*watch)->set_directories(std::vector{dir / "missing", dir.path()});
  REQUIRE_FALSE(set);
  CHECK(set.error().message.find("missing") != std::string::npos);
  Cancel cancel;
  int changes = 0;
  auto counter = count_changes(**watch, cancel, changes);
  counter.start();
  write_file(dir / "a");
  CHECK(runs_until(loop, changes, 1));
}

TEST_CASE("a new set of directories replaces the old one; those in both lose no event") {
  Loop loop;
  const TempDir dir;
  const std::string left = dir / "left";
  const std::string stays = dir / "stays";
  std::filesystem::create_directory(left);
  std::filesystem::create_directory(stays);
  auto watch = loop.watch_paths();
  REQUIRE(watch);
  REQUIRE((*watch)->set_directories(std::vector{left, stays}));
  write_file(stays + "/a");
  REQUIRE((*watch)->set_directories(std::vector{stays}));
  Cancel cancel;
  int changes = 0;
  auto counter = count_changes(**watch, cancel, changes);
  counter.start();
  CHECK(runs_until(loop, changes, 1));
  runs_until(loop, changes, 1'000'000, 30ms);
  const int before = changes;
  write_file(left + "/a");
  runs_until(loop, changes, 1'000'000, 50ms);
  CHECK(changes == before);
  write_file(stays + "/b");
  CHECK(runs_until(loop, changes, before + 1));
}

TEST_CASE("an overflow of the kernel's queue is a change") {
  Loop loop;
  const TempDir dir;
  auto watch = loop.watch_paths();
  REQUIRE(watch);
  REQUIRE((*watch)->set_directories(std::vector{dir.path()}));
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  int events = 0;
  limit >> events;
  REQUIRE(events > 0);
  for (int i = 0; i < events; i += 2) {  // Each makes two events at least.
    write_file(dir / (i % 4 == 0 ? "a" : "b"));
  }
  Cancel cancel;
  int changes = 0;
  auto counter = count_changes(**watch, cancel, changes);
  counter.start();
  CHECK(runs_until(loop, changes, 1));
}
