// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// The protocol's numbers (docs/protocol.md, "Limits"). What an operator may change has its default here and its
/// value in the configuration.
namespace tantalus::limits {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::size_t max_frame = 256 * KiB;
inline constexpr std::size_t max_value = 1 * MiB;
inline constexpr std::uint32_t max_batch = 256;
inline constexpr std::uint32_t max_inflight = 1024;
inline constexpr std::size_t max_depth = 16;         ///< Nesting of arrays and maps in a frame.
inline constexpr std::size_t max_key = 253;          ///< As of a key of a Kubernetes Secret (API reference, Secret v1).
inline constexpr std::size_t max_id = 253;           ///< Of an integration or a domain, both DNS-like names.
inline constexpr std::size_t max_field = 1024;       ///< A member of a JSON object, a field of a Vault entry.
inline constexpr std::size_t max_uri = 16 * KiB;     ///< A reference as text, its default included.
inline constexpr std::size_t max_client_name = 128;  ///< `hello`'s "name/version".
inline constexpr std::size_t max_token = 16 * KiB;   ///< `hello`'s projected service-account token.
/// A longer `max_age` asks for nothing more; in nanoseconds it must fit what clocks count in (100 years do).
inline constexpr std::uint64_t longest_max_age_ms = 100ULL * 365 * 24 * 3600 * 1000;
/// After its last answer the agent discards what the peer still sends, this much and no longer than 1 s (trap 134).
inline constexpr std::size_t discard_after_close = 4 * MiB;

}  // namespace tantalus::limits
