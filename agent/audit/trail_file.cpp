// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/trail_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "protocol/audit/parse.h"

namespace tantalus {
namespace {

/// How far from its end a trail is searched for a good line: more than any line, and than what a crash leaves torn.
constexpr std::size_t longest_torn = std::size_t{1} << 20;
constexpr int patience_ms = 1000;  // For a reader of standard output that is slow.

std::unexpected<Error> refused(const std::string& path, const std::string& what) {
  return fail(Code::unavailable, "audit.path " + path + ": " + what);
}

std::string because(int number) {
  return std::generic_category().message(number);
}

bool is_good(std::string_view line) {
  const std::optional<ParsedAuditLine> parsed = ParsedAuditLine::parse(line);
  return parsed && view(Sha256().of(parsed->hashed_bytes())) == parsed->hash();
}

ChainHead head_of(std::string_view line) {
  const std::optional<ParsedAuditLine> parsed = ParsedAuditLine::parse(line);
  check(parsed.has_value(), "a good audit line could not be read twice");
  HashText hash;
  std::ranges::copy(parsed->hash(), hash.begin());
  return ChainHead(parsed->seq(), hash);
}

/// The last `bytes` of a file, or all of it.
Result<std::string> read_end(int fd, const std::string& path, std::size_t size, std::size_t bytes) {
  std::string text(std::min(size, bytes), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const auto offset = static_cast<off_t>(size - text.size() + done);
    const ssize_t got = ::pread(fd, text.data() + done, text.size() - done, offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return refused(path, "its end can't be read: " + because(got < 0 ? errno : EIO));
    }
    done += static_cast<std::size_t>(got);
  }
  return text;
}

Result<TrailTail> tail_of(int fd, const std::string& path, std::size_t size) {
  for (std::size_t bytes = std::size_t{16} * 1024;; bytes *= 8) {
    const Result<std::string> text = read_end(fd, path, size, bytes);
    if (!text) {
      return std::unexpected(text.error());
    }
    const bool is_whole = text->size() == size;
    TrailTail tail = find_tail(*text, is_whole);
    if (tail.head) {
      return tail;
    }
    // One torn line may be the first that a trail ever had. Whole lines that are no trail's are someone else's file.
    if (is_whole && text->substr(0, tail.torn_bytes).find('\n') == std::string::npos && tail.lacks_newline) {
      return tail;
    }
    if (is_whole || bytes >= longest_torn) {
      return refused(path, "it holds something else than an audit trail: move it away, or choose another path");
    }
  }
}

}  // namespace

TrailTail find_tail(std::string_view text, bool is_whole) {
  TrailTail tail;
  tail.lacks_newline = !text.empty() && text.back() != '\n';
  std::string_view rest = text.substr(0, text.size() - (text.ends_with('\n') ? 1 : 0));
  const char* const end = rest.data() + rest.size();
  while (!rest.empty()) {
    const std::size_t newline = rest.rfind('\n');
    const bool is_cut = newline == std::string_view::npos && !is_whole;
    const std::string_view line = rest.substr(newline == std::string_view::npos ? 0 : newline + 1);
    if (!is_cut && is_good(line)) {
      const auto after = static_cast<std::size_t>(end - (line.data() + line.size()));
      tail.head = head_of(line);
      tail.torn_bytes = after > 0 ? after - 1 : 0;  // Less the line's own end.
      tail.torn_hash = Sha256().of(std::string_view(end - tail.torn_bytes, tail.torn_bytes));
      return tail;
    }
    if (newline == std::string_view::npos) {
      break;
    }
    rest = rest.substr(0, newline);
  }
  tail.torn_bytes = static_cast<std::size_t>(end - text.data());
  tail.torn_hash = Sha256().of(std::string_view(text.data(), tail.torn_bytes));
  return tail;
}

Result<TrailFile> TrailFile::open(const std::string& path) {
  TrailFile file(path);
  Result<UniqueFd> descriptor = file.open_path();
  if (!descriptor) {
    return std::unexpected(std::move(descriptor.error()));
  }
  file.descriptor_ = std::make_shared<const UniqueFd>(std::move(*descriptor));
  struct stat about{};
  if (::fstat(file.descriptor_->get(), &about) != 0) {
    return refused(path, because(errno));
  }
  // What is appended to standard output may be a file that others read and move: it is a stream all the same.
  file.regular_ = S_ISREG(about.st_mode) && path != "-";
  file.size_ = file.regular_ ? static_cast<std::size_t>(about.st_size) : 0;
  if (file.regular_) {
    if (Result<void> read = file.read_tail(); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  return file;
}

Result<UniqueFd> TrailFile::open_path() const {
  if (path_ == "-") {
    UniqueFd copy(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
      return refused(path_, "standard output is closed");
    }
    return copy;
  }
  constexpr mode_t mode = 0640;
  UniqueFd descriptor(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, mode));
  if (!descriptor) {
    return refused(path_, "it can't be opened: " + because(errno) +
                              "; make it writable for the agent, or set audit.on_failure: allow");
  }
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return refused(path_, "another process writes it; each agent needs a path of its own");
  }
  return descriptor;
}

Result<void> TrailFile::read_tail() {
  if (size_ > 0) {
    Result<TrailTail> tail = tail_of(descriptor_->get(), path_, size_);
    if (!tail) {
      return std::unexpected(std::move(tail.error()));
    }
    tail_ = std::move(*tail);
    return {};
  }
  // Rotated, then stopped before a line was written: the chain goes on from the newest rotated file.
  const std::string rotated = path_ + ".1";
  const UniqueFd older(::open(rotated.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat about{};
  if (!older || ::fstat(older.get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0) {
    return {};
  }
  const Result<TrailTail> tail = tail_of(older.get(), rotated, static_cast<std::size_t>(about.st_size));
  if (tail) {
    tail_.head = tail->head;
  }
  return {};
}

TrailFile::Written TrailFile::append(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(descriptor_->get(), bytes.data() + done, bytes.size() - done);
    if (wrote > 0) {
      done += static_cast<std::size_t>(wrote);
      continue;
    }
    const int problem = wrote < 0 ? errno : EIO;
    if (problem == EINTR) {
      continue;
    }
    pollfd writable{descriptor_->get(), POLLOUT, 0};
    if (problem == EAGAIN && ::poll(&writable, 1, patience_ms) == 1) {
      continue;
    }
    return {false, cut_back(done), "audit.path " + path_ + ": " + because(problem)};
  }
  size_ += bytes.size();
  return {true, 0, {}};
}

/// Gives how much of it is still there.
std::size_t TrailFile::cut_back(std::size_t bytes) noexcept {
  if (bytes == 0) {
    return 0;
  }
  struct stat about{};
  const int fd = descriptor_->get();
  const bool can_cut = regular_ && ::fstat(fd, &about) == 0 && about.st_size >= static_cast<off_t>(bytes);
  if (can_cut && ::ftruncate(fd, about.st_size - static_cast<off_t>(bytes)) == 0) {
    size_ = static_cast<std::size_t>(about.st_size) - bytes;
    return 0;
  }
  size_ += bytes;
  return bytes;
}

Result<void> TrailFile::rotate(std::uint32_t keep) {
  const auto name = [&](std::uint32_t number) { return path_ + "." + std::to_string(number); };
  for (std::uint32_t number = keep; number > 1; --number) {
    if (::rename(name(number - 1).c_str(), name(number).c_str()) != 0 && errno != ENOENT) {
      return refused(path_, "it can't be rotated: " + because(errno));
    }
  }
  const int moved = keep > 0 ? ::rename(path_.c_str(), name(1).c_str()) : ::unlink(path_.c_str());
  if (moved != 0 && errno != ENOENT) {
    return refused(path_, "it can't be rotated: " + because(errno));
  }
  const Result<bool> followed = follow();
  return followed ? Result<void>() : Result<void>(std::unexpected(followed.error()));
}

Result<bool> TrailFile::follow() {
  if (!regular_) {
    return false;
  }
  struct stat ours{};
  struct stat named{};
  const bool is_same = ::fstat(descriptor_->get(), &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
                       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
  if (is_same) {
    size_ = static_cast<std::size_t>(named.st_size);
    return false;
  }
  Result<UniqueFd> descriptor = open_path();
  if (!descriptor) {
    return std::unexpected(std::move(descriptor.error()));
  }
  if (::fstat(descriptor->get(), &named) != 0) {
    return refused(path_, because(errno));
  }
  char last = '\n';
  if (named.st_size > 0 && ::pread(descriptor->get(), &last, 1, named.st_size - 1) == 1 && last != '\n' &&
      ::write(descriptor->get(), "\n", 1) != 1) {
    return refused(path_, because(errno));
  }
  descriptor_ = std::make_shared<const UniqueFd>(std::move(*descriptor));
  regular_ = S_ISREG(named.st_mode);
  size_ = regular_ ? static_cast<std::size_t>(named.st_size) : 0;
  return true;
}

bool TrailFile::is_linked() const noexcept {
  struct stat about{};
  return ::fstat(descriptor_->get(), &about) == 0 && (!regular_ || about.st_nlink > 0);
}

int TrailFile::sync(const UniqueFd& descriptor) noexcept {
  if (::fdatasync(descriptor.get()) == 0 || errno == EINVAL || errno == EROFS) {
    return 0;  // EINVAL, EROFS: a pipe, a terminal, a socket.
  }
  return errno;
}

}  // namespace tantalus
