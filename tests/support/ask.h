// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "protocol/reference.h"
#include "protocol/reply.h"

namespace tantalus::test {

/// Sends each request, on one connection of a process of its own with this uid and gid, and tells what came back: for
/// an error its code and message as `!code: message`, for a resolve its value, else `ok`. For `list` the keys with
/// scopes, for `whoami` the members. "(closed)" for what got no answer.
[[nodiscard]] std::vector<std::string> ask_as(uid_t user, const std::string& socket,
                                              const std::vector<ReplyBuffer>& requests);

[[nodiscard]] ReplyBuffer to_resolve(const Reference& reference);
[[nodiscard]] ReplyBuffer to_resolve_many(const Reference& reference);
[[nodiscard]] ReplyBuffer to_explain(const Reference& reference);
[[nodiscard]] ReplyBuffer to_subscribe(const Reference& reference);
[[nodiscard]] ReplyBuffer to_list();
[[nodiscard]] ReplyBuffer to_whoami();
[[nodiscard]] ReplyBuffer to_hello();
[[nodiscard]] ReplyBuffer to_ping();

}  // namespace tantalus::test
