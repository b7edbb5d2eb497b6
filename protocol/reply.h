// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus {

/// Bytes to be sent, none of them secret. Growth is the caller's business: it keeps and reserves the vector.
using ReplyBuffer = std::vector<std::byte>;

/// Everything of a secret but its value.
struct SecretHead {
  std::string_view key;
  Source source;
  Scope scope;
  std::string_view id = {};  ///< Empty: absent (Vault alone has it).
  std::string_view version = {};
  std::optional<WallMillis> updated_at = {};
  Millis age{0};
  Millis ttl{0};
  bool cached = false;
  bool stale = false;
};

/// Responses and notifications, written with msgpack at the end of a buffer. A value is never among these bytes: what
/// precedes it ends with the header of its `bin`, `value` is the map's last member, and the caller sends the value's
/// bytes from where they lie. So a batch is head, value, head, value, …
namespace reply {

void secret(ReplyBuffer& out, std::uint32_t msgid, const SecretHead& head, std::size_t value_size);
void error(ReplyBuffer& out, std::uint32_t msgid, const Error& error);

/// resolve_many and subscribe: the array's header, then `count` items.
void batch(ReplyBuffer& out, std::uint32_t msgid, std::size_t count);
void batch_secret(ReplyBuffer& out, const SecretHead& head, std::size_t value_size);  ///< `{secret: …}`
void batch_error(ReplyBuffer& out, const Error& error);                               ///< `{error: …}`
/// `{key, source, scope, id, version}`: an item of subscribe's result and of a `changed` notification.
void batch_subscription(ReplyBuffer& out, const SecretHead& head, bool exists);
void changed(ReplyBuffer& out, const SecretHead& head, bool exists);

void pong(ReplyBuffer& out, std::uint32_t msgid);

/// What whoami tells. Empty strings and unset ids are absent, `domain` is nil where it is empty.
struct Who {
  std::string_view domain = {};
  bool admin = false;
  std::string_view attested_by = {};
  std::string_view pod = {}, namespace_name = {}, service_account = {}, pod_uid = {}, container = {}, unit = {};
  std::optional<std::uint32_t> uid = {}, gid = {};
  std::optional<std::int32_t> pid = {};
};
void whoami(ReplyBuffer& out, std::uint32_t msgid, const Who& who);

struct HelloLimits {
  std::uint64_t max_frame, max_value, max_batch, max_inflight;
};
/// `who` null: unattested, `identity` is nil.
void hello(ReplyBuffer& out, std::uint32_t msgid, std::string_view agent, std::uint32_t protocol, const Who* who,
           const HelloLimits& limits);

struct Explanation {
  bool allowed = false;
  std::string_view rule = {};
  std::string_view backend_state = {};
  std::string_view backend_why = {};  ///< Empty: nil, as rule and hint; an unset age too.
  bool found = false;
  bool cached = false;
  std::optional<Millis> age = {};
  std::string_view hint = {};
};
/// Denied: `decision` and `hint`, nothing else.
void explanation(ReplyBuffer& out, std::uint32_t msgid, const Explanation& explanation);

struct CatalogLine {
  std::string_view key = {};
  Source source;
  Scope scope;
  std::string_view id = {}, version = {}, updated_by = {};  ///< Empty: nil, `id` absent.
  std::optional<WallMillis> updated_at = {};
  const Error* error = nullptr;  ///< A source that can't be listed: key and the rest are absent.
};
void catalog(ReplyBuffer& out, std::uint32_t msgid, std::span<const CatalogLine> lines);

}  // namespace reply
}  // namespace tantalus
