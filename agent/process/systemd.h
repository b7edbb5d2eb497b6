// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.h"
#include "protocol/instant.h"

/// What systemd and its service agree on, spoken by hand (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)):
/// three environment variables and one datagram. libsystemd would bring its compression libraries and libgcrypt into a
/// process that holds secrets.
namespace tantalus {

/// A listening socket that systemd opened and keeps: never unlinked (trap 36).
struct InheritedSocket {
  std::string name;  ///< FileDescriptorName=: `resolve`, `debug` or `credentials`.
  int fd = -1;       ///< Close-on-exec, non-blocking; owned by whoever holds this.
};

/// The sockets passed to this very process (LISTEN_PID), and unsets the variables, so that no child takes them for its
/// own. Empty without them. One socket without a name is `resolve`. Fails with `misconfigured` on what isn't a
/// listening AF_UNIX stream socket, on a name that is unknown or given twice, and on variables that make no sense.
/// Before there are threads, as it changes the environment.
[[nodiscard]] Result<std::vector<InheritedSocket>> take_inherited_sockets();

/// Tells the service manager what becomes of the process. Quiet where nobody listens. A message that can't be sent is
/// dropped: nothing depends on it but systemd's own patience. A change of state waits up to 100 ms for room, the
/// watchdog and the status never do.
class Notifier {
 public:
  /// Of NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which it unsets. The socket is connected here, since after
  /// harden() an abstract one could not be reached. Before there are threads.
  [[nodiscard]] static Result<Notifier> from_environment();
  Notifier(Notifier&& other) noexcept;
  Notifier& operator=(Notifier&& other) noexcept;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  ~Notifier();

  /// READY=1, once requests are served (trap 110), and after each reload. `status` is one line for people.
  void ready(std::string_view status) const noexcept;
  /// RELOADING=1 with MONOTONIC_USEC, as Type=notify-reload asks.
  void reloading() const noexcept;
  /// STOPPING=1, at the start of the drain (trap 112).
  void stopping(std::string_view status) const noexcept;
  void status(std::string_view status) const noexcept;
  /// WATCHDOG=1: from the loop's own progress alone (trap 118).
  void feed_watchdog() const noexcept;

  /// How often to feed it: half of what systemd waits. Unset: nobody waits.
  [[nodiscard]] std::optional<Millis> watchdog_period() const noexcept { return watchdog_period_; }
  [[nodiscard]] bool is_connected() const noexcept { return fd_ >= 0; }

 private:
  Notifier() = default;
  enum class Patience : std::uint8_t { none, a_moment };
  void send(std::string_view message, Patience patience) const noexcept;
  int fd_ = -1;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
  std::optional<Millis> watchdog_period_;
};

}  // namespace tantalus
