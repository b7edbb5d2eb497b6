// SPDX-License-Identifier: Apache-2.0
#include "agent/process/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace tantalus {
namespace {

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START
constexpr std::array<std::string_view, 3> known_names{"resolve", "debug", "credentials"};

/// The variable's text, which is then gone from the environment.
std::optional<std::string> take_variable(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr) {
    return std::nullopt;
  }
  std::string value = text;
  ::unsetenv(name);
  return value;
}

std::optional<std::uint64_t> number_of(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (!text) {
    return std::nullopt;
  }
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return number;
}

/// As systemd joins them: a colon between two, none in a name (systemd.socket(5), FileDescriptorName=).
std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  std::size_t from = 0;
  for (std::size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', from)) {
    names.push_back(text.substr(from, colon - from));
    from = colon + 1;
  }
  names.push_back(text.substr(from));
  return names;
}

std::optional<int> integer_option(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &size) != 0) {
    return std::nullopt;
  }
  return value;
}

bool is_listening_unix_stream(int fd) {
  return integer_option(fd, SO_DOMAIN) == AF_UNIX && integer_option(fd, SO_TYPE) == SOCK_STREAM &&
         integer_option(fd, SO_ACCEPTCONN) == 1;
}

Result<void> take_one(int fd, const std::string& name, std::vector<InheritedSocket>& sockets) {
  const std::string where = "descriptor " + std::to_string(fd) + " passed by systemd (" + name + ")";
  if (std::ranges::find(known_names, name) == known_names.end()) {
    return fail(Code::misconfigured,
                where + ": FileDescriptorName= has to be resolve, debug or credentials in its .socket unit");
  }
  if (std::ranges::any_of(sockets, [&](const InheritedSocket& other) { return other.name == name; })) {
    return fail(Code::misconfigured, where + ": a second one of that name; one ListenStream= each is taken");
  }
  if (!is_listening_unix_stream(fd)) {
    return fail(Code::misconfigured, where + ": not a listening Unix stream socket; ListenStream= has to be a path");
  }
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return fail(Code::misconfigured, where + ": " + std::strerror(errno));
  }
  sockets.push_back({name, fd});
  return {};
}

}  // namespace

Result<std::vector<InheritedSocket>> take_inherited_sockets() {
  const std::optional<std::string> pid = take_variable("LISTEN_PID");
  const std::optional<std::string> count_text = take_variable("LISTEN_FDS");
  const std::optional<std::string> names_text = take_variable("LISTEN_FDNAMES");
  std::vector<InheritedSocket> sockets;
  if (!pid || !count_text) {
    return sockets;
  }
  if (number_of(pid) != static_cast<std::uint64_t>(::getpid())) {
    return sockets;  // Meant for a process that started us and left its environment (trap 36).
  }
  const std::optional<std::uint64_t> count = number_of(count_text);
  if (!count || *count > known_names.size()) {
    return fail(Code::misconfigured, "LISTEN_FDS=" + *count_text + ": at most " + std::to_string(known_names.size()) +
                                         " sockets are taken: resolve, debug and credentials");
  }
  std::vector<std::string> names = split_names(names_text.value_or(""));
  // Without FileDescriptorName= systemd names a descriptor after its .socket unit, systemd-socket-activate not at all.
  if (*count == 1 && (names[0].empty() || names[0] == "unknown" || names[0].ends_with(".socket"))) {
    names = {"resolve"};
  }
  if (*count > 0 && names.size() != *count) {
    return fail(Code::misconfigured, "LISTEN_FDNAMES has " + std::to_string(names.size()) + " names for " +
                                         std::to_string(*count) + " sockets; set FileDescriptorName= in each .socket");
  }
  for (std::size_t i = 0; i < *count; ++i) {
    const auto taken = take_one(first_inherited + static_cast<int>(i), names[i], sockets);
    if (!taken) {
      return std::unexpected(taken.error());
    }
  }
  return sockets;
}

Result<Notifier> Notifier::from_environment() {
  Notifier notifier;
  const std::optional<std::string> path = take_variable("NOTIFY_SOCKET");
  const std::optional<std::string> watchdog = take_variable("WATCHDOG_USEC");
  const std::optional<std::string> watchdog_pid = take_variable("WATCHDOG_PID");
  if (!path || path->empty()) {
    return notifier;
  }
  sockaddr_un& address = notifier.address_;
  address.sun_family = AF_UNIX;
  const bool is_abstract = path->front() == '@';
  if ((path->front() != '/' && !is_abstract) || path->size() < 2 || path->size() >= sizeof address.sun_path) {
    return fail(Code::misconfigured, "NOTIFY_SOCKET=" + *path + ": neither a path nor an abstract name that fits");
  }
  std::memcpy(address.sun_path, path->data(), path->size());
  if (is_abstract) {
    address.sun_path[0] = '\0';
  }
  // An abstract name has no terminator: its length is part of it.
  notifier.address_size_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path->size() + (is_abstract ? 0 : 1));
  notifier.fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (notifier.fd_ < 0 ||
      ::connect(notifier.fd_, reinterpret_cast<const sockaddr*>(&address), notifier.address_size_) != 0) {
    return fail(Code::misconfigured, "NOTIFY_SOCKET=" + *path + ": " + std::strerror(errno));
  }
  const bool is_ours = !watchdog_pid || number_of(watchdog_pid) == static_cast<std::uint64_t>(::getpid());
  const timeval a_moment{.tv_sec = 0, .tv_usec = 100'000};
  static_cast<void>(::setsockopt(notifier.fd_, SOL_SOCKET, SO_SNDTIMEO, &a_moment, sizeof a_moment));
  if (const auto usec = number_of(watchdog); usec && *usec > 0 && is_ours) {
    constexpr std::uint64_t longest = 86'400'000'000;  // A day: more is no watchdog, and would overflow.
    notifier.watchdog_period_ =
        Millis(std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(*usec, longest) / 2000)));
  }
  return notifier;
}

Notifier::Notifier(Notifier&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(other.address_),
      address_size_(other.address_size_),
      watchdog_period_(other.watchdog_period_) {}

Notifier& Notifier::operator=(Notifier&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(address_, other.address_);
  std::swap(address_size_, other.address_size_);
  std::swap(watchdog_period_, other.watchdog_period_);
  return *this;
}

Notifier::~Notifier() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

namespace {

/// A newline would begin another assignment.
std::string status_line(std::string_view text) {
  std::string line = "\nSTATUS=";
  for (const char c : text) {
    line += c == '\n' ? ' ' : c;
  }
  return line;
}

}  // namespace

void Notifier::ready(std::string_view status) const noexcept {
  send("READY=1" + status_line(status), Patience::a_moment);
}

void Notifier::stopping(std::string_view status) const noexcept {
  send("STOPPING=1" + status_line(status), Patience::a_moment);
}

void Notifier::status(std::string_view status) const noexcept {
  send(status_line(status).substr(1), Patience::none);
}

void Notifier::feed_watchdog() const noexcept {
  send("WATCHDOG=1", Patience::none);
}

void Notifier::reloading() const noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // systemd's own clock, which no other part of the agent uses.
  const std::uint64_t usec =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec), Patience::a_moment);
}

void Notifier::send(std::string_view message, Patience patience) const noexcept {
  if (fd_ < 0) {
    return;
  }
  const int flags = MSG_NOSIGNAL | (patience == Patience::none ? MSG_DONTWAIT : 0);
  if (::send(fd_, message.data(), message.size(), flags) >= 0 || errno == EAGAIN) {
    return;
  }
  // The manager went away, and may have bound its socket anew.
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address_), address_size_) == 0) {
    static_cast<void>(::send(fd_, message.data(), message.size(), flags));
  }
}

}  // namespace tantalus
