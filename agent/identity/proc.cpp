// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/proc.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace tantalus::proc {
namespace {

constexpr unsigned long exiting_flag = 0x4;  // PF_EXITING, include/linux/sched.h.

ssize_t read_some(int fd, char* into, std::size_t size) noexcept {
  ssize_t got = 0;
  do {
    got = ::read(fd, into, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

/// A seq_file of one record gives all of it, or as much as fits, to one read(2): less than asked for is the end.
std::optional<std::string> read_all(int fd) {
  [[clang::uninitialized]] std::array<char, 4096> first;  // Read on each accept: zeroing it costs more than reading.
  const ssize_t got = read_some(fd, first.data(), first.size());
  if (got < 0) {
    return std::nullopt;
  }
  std::string text(first.data(), static_cast<std::size_t>(got));
  while (text.size() % first.size() == 0 && !text.empty()) {
    if (text.size() >= max_text) {
      return std::nullopt;
    }
    const ssize_t more = read_some(fd, first.data(), first.size());
    if (more < 0) {
      return std::nullopt;
    }
    if (more == 0) {
      break;
    }
    text.append(first.data(), static_cast<std::size_t>(more));
  }
  return text;
}

std::string_view next_word(std::string_view& text) noexcept {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(start);
  const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

template <class Number>
std::optional<Number> number_of(std::string_view word) noexcept {
  Number number{};
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (problem != std::errc() || end != word.data() + word.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::optional<std::string> read_text(int directory, const char* path) {
  const int fd = ::openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return std::nullopt;
  }
  std::optional<std::string> text = read_all(fd);
  ::close(fd);
  return text;
}

bool Stat::main_thread_has_ended() const noexcept {
  return state == 'Z' || state == 'X' || (flags & exiting_flag) != 0;
}

bool Stat::has_ended() const noexcept {
  return (state == 'Z' && threads <= 1) || state == 'X' || state == 'x';
}

std::optional<Stat> parse_stat(std::string_view text) noexcept {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(name_end + 1);
  Stat stat;
  std::optional<unsigned long> flags;
  std::optional<long> threads;
  std::optional<std::uint64_t> start_time;
  constexpr int state_field = 3;
  constexpr int flags_field = 9;
  constexpr int threads_field = 20;
  constexpr int start_time_field = 22;
  for (int field = state_field; field <= start_time_field; ++field) {
    const std::string_view word = next_word(text);
    if (field == state_field) {
      stat.state = word.size() == 1 ? word.front() : '\0';
    }
    if (field == flags_field) {
      flags = number_of<unsigned long>(word);
    }
    if (field == threads_field) {
      threads = number_of<long>(word);
    }
    if (field == start_time_field) {
      start_time = number_of<std::uint64_t>(word);
    }
  }
  if (stat.state == '\0' || !flags || !threads || !start_time) {
    return std::nullopt;
  }
  stat.flags = *flags;
  stat.threads = *threads;
  stat.start_time = *start_time;
  return stat;
}

Status parse_status(std::string_view text) noexcept {
  Status status;
  while (!text.empty()) {
    std::string_view line = text.substr(0, std::min(text.find('\n'), text.size()));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    const std::string_view name = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    if (name == "Pid") {
      status.pid = number_of<pid_t>(next_word(line));
    }
    if (name == "Uid") {  // Real, effective, saved, file system.
      next_word(line);
      status.effective_uid = number_of<uid_t>(next_word(line));
    }
    if (name == "Gid") {
      next_word(line);
      status.effective_gid = number_of<gid_t>(next_word(line));
    }
    if (name == "NSpid") {
      while (!next_word(line).empty()) {
        ++status.pid_namespaces;
      }
    }
  }
  return status;
}

}  // namespace tantalus::proc
