// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "agent/loop/suspension.h"

namespace tantalus {
namespace {

constexpr std::size_t max_directories = 4096;

// IN_ATTRIB is for the mode and the owner: a file that becomes readable is as good as a new one.
constexpr std::uint32_t interesting = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

class Fd {
 public:
  explicit Fd(int fd) noexcept : fd_(fd) {}
  ~Fd() { close(fd_); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

/// Says who waits, for as long as its frame lives: the task may be destroyed while it is suspended.
class Waiting {
 public:
  Waiting(Suspension*& place, Suspension& who) noexcept : place_(place) { place_ = &who; }
  ~Waiting() { place_ = nullptr; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Suspension*& place_;
};

class InotifyWatch final : public PathWatch {
 public:
  InotifyWatch(Loop& loop, int fd) : loop_(loop), fd_(fd), readiness_(loop, fd, [this](unsigned) { on_readable(); }) {
    readiness_.want(FdWatch::readable);
  }

  Result<void> set_directories(std::span<const std::string> directories) override;
  Task<void> changed(Cancel& cancel) override;

 private:
  void on_readable();

  Loop& loop_;
  Fd fd_;  // Before its watch: closed after it.
  FdWatch readiness_;
  std::set<int> watched_;  // Watch descriptors.
  Suspension* waiting_ = nullptr;
  bool has_changed_ = false;
};

Result<void> InotifyWatch::set_directories(std::span<const std::string> directories) {
  if (directories.size() > max_directories) {
    return fail(Code::overloaded, "more than " + std::to_string(max_directories) + " directories to watch");
  }
  std::set<int> wanted;
  std::optional<Error> first;
  for (const std::string& directory : directories) {
    // A directory that is watched already keeps its descriptor, and loses no event.
    const int descriptor = inotify_add_watch(fd_.get(), directory.c_str(), interesting);
    if (descriptor >= 0) {
      wanted.insert(descriptor);
    } else if (!first) {
      const int error = errno;
      first = Error{.code = error == ENOSPC ? Code::overloaded : Code::misconfigured,
                    .message = directory + " can't be watched: " + std::generic_category().message(error) +
                               (error == ENOSPC ? " (raise fs.inotify.max_user_watches)" : "")};
    }
  }
  for (const int descriptor : watched_) {
    if (!wanted.contains(descriptor)) {
      // Fails for one whose directory is gone, which the kernel has removed itself.
      static_cast<void>(inotify_rm_watch(fd_.get(), descriptor));
    }
  }
  watched_ = std::move(wanted);
  if (first) {
    return std::unexpected(std::move(*first));
  }
  return {};
}

Task<void> InotifyWatch::changed(Cancel& cancel) {
  check(waiting_ == nullptr, "two wait for one PathWatch");
  if (!has_changed_ && !cancel.is_cancelled()) {
    Suspension asleep(loop_, cancel);
    const Waiting registered(waiting_, asleep);
    co_await asleep;
  }
  // A cancelled wait leaves the change for the next one.
  if (!cancel.is_cancelled()) {
    has_changed_ = false;
    readiness_.want(FdWatch::readable);
  }
}

void InotifyWatch::on_readable() {
  // What changed is not looked at: whoever waits looks at the directory itself. An overflow is an event like another.
  alignas(inotify_event) std::array<char, 4096> events;
  bool any = false;
  while (read(fd_.get(), events.data(), events.size()) > 0) {
    any = true;
  }
  if (!any) {
    return;
  }
  has_changed_ = true;
  // Until somebody has heard of it, more events say nothing more; a busy directory must not keep the loop awake.
  readiness_.want(FdWatch::none);
  if (waiting_ != nullptr) {
    waiting_->resume_soon();
  }
}

}  // namespace

Result<std::unique_ptr<PathWatch>> make_path_watch(Loop& loop) {
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) {
    return fail(Code::overloaded, "inotify: " + std::generic_category().message(errno) +
                                      " (raise fs.inotify.max_user_instances, or LimitNOFILE)");
  }
  return std::make_unique<InotifyWatch>(loop, fd);
}

}  // namespace tantalus
