// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/error.h"

namespace tantalus {

/// A listening Unix stream socket that this process bound, and the file that stands for it (unix(7)).
struct BoundSocket {
  int fd = -1;  ///< Non-blocking, close-on-exec; owned by whoever holds this.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

/// Binds, gives the file its mode and group, then listens: in this order, each step checked (trap 22), so that nobody
/// connects before the rights are right. A socket file that nobody listens on is replaced; one with a listener, and
/// whatever is no socket, is left as it is and refused (trap 21). A path that doesn't fit is refused, never cut (trap
/// 23). Two that start at once are kept apart by flock(2) on the directory: a lock file would stand where pods mount.
/// May wait up to 1 s for that lock. Fails with `unavailable` (in use) or `misconfigured`; the message names the path.
[[nodiscard]] Result<BoundSocket> bind_unix_socket(const std::string& path, std::uint32_t mode,
                                                   std::optional<gid_t> group = std::nullopt);

/// Unlinks the file while it is still this socket's own; call it before closing the descriptor, which is what keeps the
/// inode's number from being given to another file. Never for a socket that was inherited (trap 36).
void remove_unix_socket(const std::string& path, const BoundSocket& socket) noexcept;

/// Makes the directory of a socket when it is missing, one level, with this mode and group. One that is there is taken
/// as it is, but refused where others than its owner may put files into it: they could put their own socket there.
[[nodiscard]] Result<void> ensure_socket_directory(const std::string& path, std::uint32_t mode,
                                                   std::optional<gid_t> group = std::nullopt);

}  // namespace tantalus
