// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/reference.h"
#include "protocol/reply.h"

/// Requests as a client writes them, at the end of a buffer.
namespace tantalus::request {

void hello(ReplyBuffer& out, std::uint32_t msgid, std::string_view client, std::optional<std::string_view> token);
void resolve(ReplyBuffer& out, std::uint32_t msgid, const Reference& reference, std::optional<Millis> max_age);
void resolve_many(ReplyBuffer& out, std::uint32_t msgid, std::span<const Reference> references,
                  std::optional<Millis> max_age);
void explain(ReplyBuffer& out, std::uint32_t msgid, const Reference& reference);
void list(ReplyBuffer& out, std::uint32_t msgid, std::optional<Scope> scope, std::optional<Source> source);
void whoami(ReplyBuffer& out, std::uint32_t msgid);
void subscribe(ReplyBuffer& out, std::uint32_t msgid, std::span<const Reference> references);
void ping(ReplyBuffer& out, std::uint32_t msgid);

}  // namespace tantalus::request
