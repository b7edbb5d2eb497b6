// SPDX-License-Identifier: Apache-2.0
// What the arena asks of the kernel, asked of the kernel.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "cache/arena.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus {
namespace {

using test::any_kind;
using test::Ended;
using test::make_arena;
using Kind = Arena::Kind;

constexpr std::size_t KiB = 1024;

/// The value of a line of a file in /proc/self, such as "VmLck:".
std::string line_of(const std::string& file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name)) {
      return line.substr(name.size());
    }
  }
  return {};
}

std::size_t locked_kib() {
  return std::stoul(line_of("/proc/self/status", "VmLck:"));
}

/// The flags of the mapping that begins at an address (proc(5), smaps), each with a space on both sides.
std::string flags_of(const std::byte* begin) {
  std::ostringstream address;
  address << std::hex << reinterpret_cast<std::uintptr_t>(begin) << '-';
  std::ifstream lines("/proc/self/smaps");
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    found = found || line.starts_with(address.str());
    if (found && line.starts_with("VmFlags:")) {
      return line.substr(8) + " ";
    }
  }
  return {};
}

TEST_CASE("the arena is locked, out of core files and lost by a fork", "[promise-5][trap-61][trap-62][trap-64]") {
  const std::size_t before = locked_kib();
  const auto kind = any_kind();
  auto arena = make_arena(kind, 512 * KiB);
  REQUIRE(arena != nullptr);
  CHECK(arena->usage().kind == kind);
  CHECK(locked_kib() == before + 512);
  const std::string flags = flags_of(arena->range().data());
  CAPTURE(flags);
  CHECK_THAT(flags, Catch::Matchers::ContainsSubstring(" lo "));
  CHECK_THAT(flags, Catch::Matchers::ContainsSubstring(" dd "));
  CHECK_THAT(flags, Catch::Matchers::ContainsSubstring(kind == Kind::memfd_secret ? " dc " : " wf "));
  // Freeing unlocks nothing: all of it stays locked until the arena's end.
  void* block = arena->allocate(100 * KiB);
  arena->free(block);
  CHECK(locked_kib() == before + 512);
  arena.reset();
  CHECK(locked_kib() == before);
}

TEST_CASE("pages are taken as they are used", "[promise-5]") {
  const auto resident = [](const Arena& arena) {
    std::ostringstream address;
    address << std::hex << reinterpret_cast<std::uintptr_t>(arena.range().data()) << '-';
    std::ifstream lines("/proc/self/smaps");
    bool found = false;
    for (std::string line; std::getline(lines, line);) {
      found = found || line.starts_with(address.str());
      if (found && line.starts_with("Rss:")) {
        return std::stoul(line.substr(4));
      }
    }
    return 0UL;
  };
  auto arena = make_arena(Kind::mlock, 4096 * KiB);
  CHECK(resident(*arena) < 64);
  void* block = arena->allocate(1024 * KiB);
  std::memset(block, 1, 1024 * KiB);
  CHECK(resident(*arena) >= 1024);
  arena->free(block);
}

TEST_CASE("a core file lacks what the arena holds", "[promise-5][trap-61]") {
  std::ifstream pattern_file("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(pattern_file, pattern);
  if (pattern.empty() || pattern.find_first_of("/|%") != std::string::npos || test::has_asan) {
    WARN("cores are not plain files here: the mapping's flag is all that is tested");
    return;
  }
  const auto kind = any_kind();
  const auto folder = std::filesystem::temp_directory_path() / ("tantalus-core-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  // Built at run time, so that no constant in the program holds it.
  const auto text = [](char first) {
    std::string made(1, first);
    for (int i = 0; i < 24; ++i) {
      made.push_back(static_cast<char>('a' + (i * 7 + first) % 26));
    }
    return made;
  };
  const Ended ended = test::in_child([&](int) {
    const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    if (::chdir(folder.c_str()) != 0 || ::setrlimit(RLIMIT_CORE, &limit) != 0) {
      return 1;
    }
    auto arena = make_arena(kind, 256 * KiB);
    auto* block = static_cast<char*>(arena->allocate(64));
    // Volatile, or an optimizer leaves out what nobody reads before the end.
    volatile char* heap = new char[64]{};
    {
      for (std::size_t i = 0; i < 25; ++i) {
        block[i] = i == 0 ? 'S' : static_cast<char>('a' + ((static_cast<int>(i) - 1) * 7 + 'S') % 26);
        heap[i] = i == 0 ? 'H' : static_cast<char>('a' + ((static_cast<int>(i) - 1) * 7 + 'H') % 26);
      }
    }
    std::abort();
  });
  CHECK(ended.killed_by(SIGABRT));
  std::string core;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream all;
    all << file.rdbuf();
    core += all.str();
  }
  std::filesystem::remove_all(folder);
  if (core.empty()) {
    WARN("this kernel wrote no core");
    return;
  }
  CHECK(core.find(text('H')) != std::string::npos);  // The search finds what is there.
  CHECK(core.find(text('S')) == std::string::npos);
}

TEST_CASE("a forked child sees nothing of the arena", "[promise-5][trap-64]") {
  const auto kind = any_kind();
  auto arena = make_arena(kind, 256 * KiB);
  auto* block = static_cast<char*>(arena->allocate(32));
  std::memcpy(block, "the parent's", sizeof "the parent's");
  const Ended ended = test::in_child([&](int out) {
    const volatile char* seen = block;
    std::string text;
    for (std::size_t i = 0; i < 32; ++i) {
      text.push_back(seen[i]);
    }
    test::say(out, text);
    return 0;
  });
  if (kind == Kind::memfd_secret) {
    CHECK((ended.killed_by(SIGSEGV) || test::has_asan));
    CHECK(ended.said.find("parent") == std::string::npos);
  } else {
    CHECK(ended.exited_with(0));
    CHECK(ended.said == std::string(32, '\0'));
  }
  CHECK(std::string_view(block) == "the parent's");
  arena->free(block);
}

TEST_CASE("no descriptor of the arena stays open", "[promise-5]") {
  const auto kind = any_kind();
  auto arena = make_arena(kind, 256 * KiB);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    CHECK(target.find("secretmem") == std::string::npos);
  }
}

TEST_CASE("memory that can't be locked is a refusal that names the limit", "[promise-5][trap-53]") {
  const auto kind = any_kind();
  const rlim_t allowed = GENERATE(rlim_t{0}, rlim_t{64 * 1024});
  const Ended ended = test::in_child([&](int out) {
    const rlimit limit{allowed, allowed};
    // An ordinary user: root may lock what it likes.
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || (::getuid() == 0 && ::setresuid(65534, 65534, 65534) != 0)) {
      return 1;
    }
    const auto arena = Arena::make({.bytes = 16384 * KiB, .try_memfd_secret = kind == Kind::memfd_secret});
    if (arena) {
      return 2;
    }
    test::say(out, std::string(to_text(arena.error().code)) + ": " + arena.error().message);
    return 3;
  });
  CAPTURE(ended.said);
  CHECK(ended.exited_with(3));
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(ended.said, ContainsSubstring("unavailable: "));
  CHECK_THAT(ended.said, ContainsSubstring("RLIMIT_MEMLOCK is " + std::to_string(allowed / KiB) + " KiB"));
  CHECK_THAT(ended.said, ContainsSubstring("16384 KiB"));
  CHECK_THAT(ended.said, ContainsSubstring("LimitMEMLOCK="));
  CHECK_THAT(ended.said, ContainsSubstring("ulimit -l"));
  CHECK_THAT(ended.said, ContainsSubstring("CAP_IPC_LOCK"));
}

TEST_CASE("an ordinary user with a limit that is large enough gets an arena", "[promise-5][trap-53]") {
  const auto kind = any_kind();
  const Ended ended = test::in_child([&](int) {
    const rlimit limit{1024 * KiB, 1024 * KiB};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || (::getuid() == 0 && ::setresuid(65534, 65534, 65534) != 0)) {
      return 1;
    }
    const auto arena = make_arena(kind, 1024 * KiB);
    if (arena == nullptr) {
      return 2;
    }
    void* block = arena->allocate(1000 * KiB);
    std::memset(block, 1, 1000 * KiB);
    arena->free(block);
    return arena->usage().kind == kind ? 3 : 4;
  });
  CHECK(ended.exited_with(3));
}

TEST_CASE("a reply's bytes leave straight from the arena, and debuggers get none of memfd_secret", "[trap-63]") {
  const auto kind = any_kind();
  auto arena = make_arena(kind, 256 * KiB);
  const std::string text = "straight from locked memory";
  auto* block = static_cast<char*>(arena->allocate(text.size()));
  std::memcpy(block, text.data(), text.size());

  int ends[2] = {-1, -1};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  iovec part{.iov_base = block, .iov_len = text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  CHECK(::sendmsg(ends[0], &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  CHECK(::write(ends[0], block, text.size()) == static_cast<ssize_t>(text.size()));
  std::string got(2 * text.size(), '\0');
  CHECK(::recv(ends[1], got.data(), got.size(), MSG_WAITALL) == static_cast<ssize_t>(got.size()));
  CHECK(got == text + text);
  // And into it: what a backend answers is received there.
  CHECK(::write(ends[1], "answer", 6) == 6);
  CHECK(::recv(ends[0], block, 6, 0) == 6);
  CHECK(std::string_view(block, 6) == "answer");
  ::close(ends[0]);
  ::close(ends[1]);

  if (kind == Kind::memfd_secret) {
    std::byte copy[8];
    iovec to{.iov_base = copy, .iov_len = sizeof copy};
    iovec from{.iov_base = block, .iov_len = sizeof copy};
    CHECK(::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) == -1);
    std::ifstream memory("/proc/self/mem", std::ios::binary);
    memory.seekg(static_cast<std::streamoff>(reinterpret_cast<std::uintptr_t>(block)));
    char byte = 0;
    memory.read(&byte, 1);
    CHECK(memory.fail());
  }
  arena->free(block);
}

}  // namespace
}  // namespace tantalus
