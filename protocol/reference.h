// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/error.h"

namespace tantalus {

enum class Source : std::uint8_t { kubernetes, vault, file };
enum class Scope : std::uint8_t { domain, global, admin };

[[nodiscard]] std::string_view to_text(Source source) noexcept;  ///< Lower case, as on the wire.
[[nodiscard]] std::string_view to_text(Scope scope) noexcept;
[[nodiscard]] std::optional<Source> source_from_text(std::string_view text) noexcept;  ///< Either case.
[[nodiscard]] std::optional<Scope> scope_from_text(std::string_view text) noexcept;    ///< Lower case alone.

/// What a caller names (docs/protocol.md, "Reference"). Views the request's frame; the domain is never in it.
struct Reference {
  std::string_view key = {};
  std::optional<Source> source = {};  ///< Unset: `default_source`.
  Scope scope = Scope::domain;
  std::string_view id = {};  ///< Vault: the integration; elsewhere it must name the caller's domain. Empty: not given.
  std::string_view field = {};  ///< Empty: not given.
  std::uint32_t version = 0;    ///< Vault only; 0 is the latest.
};

/// Checks what can be known without configuration: the key's alphabet and length for this source, scope and version
/// against the source, lengths and UTF-8 of `id` and `field`. `source` is what the reference comes down to.
[[nodiscard]] Result<void> validate(const Reference& reference, Source source);

/// A reference that owns its text, and what only clients understand in it.
struct ReferenceText {
  std::string key;
  std::optional<Source> source;
  Scope scope = Scope::domain;
  std::string id;
  std::string field;
  std::uint32_t version = 0;
  bool optional = false;                     ///< `optional=true`: not found counts as unset.
  std::optional<std::string> default_value;  ///< `default=TEXT`.

  [[nodiscard]] Reference view() const noexcept;
};

/// `tantalus://<source>/<key>[?scope=…][&id=…][&version=…][&optional=true][&default=TEXT][#field]` (RFC 3986 percent
/// encoding). An unknown query name, a bad escape or a duplicate is refused and named.
[[nodiscard]] Result<ReferenceText> reference_from_uri(std::string_view uri);

/// The URI of a reference, which reference_from_uri() reads back to the same.
[[nodiscard]] std::string to_uri(const Reference& reference);

}  // namespace tantalus
