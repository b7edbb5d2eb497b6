// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.h"
#include "protocol/reference.h"

/// Responses and notifications as a client reads them: views into the frame, which lies in the client's locked memory
/// where it holds a value. Unknown members are skipped, as the protocol asks of clients.
namespace tantalus::response {

struct SecretView {
  std::span<const std::byte> value;
  std::string_view key, source, scope, id, version;
  std::optional<std::int64_t> updated_at;  ///< Unix milliseconds.
  std::int64_t age = 0;                    ///< Milliseconds, as ttl.
  std::int64_t ttl = 0;
  bool cached = false;
  bool stale = false;
};

struct ErrorView {
  std::string_view code;
  std::string_view message;
  std::int64_t retry_after = 0;  ///< 0: not said.
};

/// `[1, msgid, error, result]` or `[2, "changed", [{…}]]`. `result` is the msgpack of the result, to be read by one of
/// the readers below, according to what was asked.
struct Head {
  bool is_notification = false;
  std::uint32_t msgid = 0;
  std::optional<ErrorView> error;
  std::string_view method;            ///< Of a notification.
  std::span<const std::byte> result;  ///< Of a notification: its first parameter.
};

[[nodiscard]] Result<Head> read(std::span<const std::byte> frame);

/// The same of bytes that begin with a response, looking no further than where its result begins: `result` is the rest
/// of them. It spares a pass to who has had them cut, or reads the result to its end.
[[nodiscard]] Result<Head> read_head(std::span<const std::byte> bytes);

struct BatchItem {
  std::optional<SecretView> secret;
  std::optional<ErrorView> error;
};
struct SubscriptionItem {
  std::string_view key, source, scope, id;
  std::optional<std::string_view> version;  ///< Unset: not there.
  std::optional<ErrorView> error;
};
struct CatalogItem {
  std::string_view key, source, scope, id, version, updated_by;  ///< Empty: nil or absent.
  std::optional<std::int64_t> updated_at;
  std::optional<ErrorView> error;
};
/// Members in the order that they came in, values as text ("" for nil), for whoami, hello and explain; nested maps are
/// flattened with dots (`backend.state`).
struct Member {
  std::string name;
  enum class Kind : std::uint8_t { nil, boolean, integer, text } kind = Kind::nil;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;
};

[[nodiscard]] Result<SecretView> read_secret(std::span<const std::byte> result);
[[nodiscard]] Result<std::vector<BatchItem>> read_batch(std::span<const std::byte> result);
[[nodiscard]] Result<std::vector<SubscriptionItem>> read_subscriptions(std::span<const std::byte> result);
[[nodiscard]] Result<SubscriptionItem> read_change(std::span<const std::byte> result);
[[nodiscard]] Result<std::vector<CatalogItem>> read_catalog(std::span<const std::byte> result);
[[nodiscard]] Result<std::vector<Member>> read_members(std::span<const std::byte> result);
[[nodiscard]] Result<std::string_view> read_text(std::span<const std::byte> result);

}  // namespace tantalus::response
