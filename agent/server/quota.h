// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "agent/config/config.h"
#include "agent/identity/identity.h"
#include "agent/identity/peer.h"
#include "protocol/instant.h"

namespace tantalus {

/// What one caller may take of what all share (promise 11; docs/configuration.md, `limits`). Counts alone: it knows
/// neither connections nor sockets. Loop thread only.
class Quota {
 public:
  explicit Quota(const LimitsConfig& limits) noexcept : limits_(limits) {}
  void set_limits(const LimitsConfig& limits) noexcept { limits_ = limits; }
  [[nodiscard]] const LimitsConfig& limits() const noexcept { return limits_; }

  /// Whom a connection counts for before it is attested: its container's cgroups, else its uid.
  [[nodiscard]] static std::string owner_of(const Peer& peer);
  [[nodiscard]] bool admit_connection(const std::string& owner);
  void release_connection(const std::string& owner) noexcept;
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  /// On reload or after raising RLIMIT_NOFILE: the most connections that descriptors allow.
  void set_descriptor_room(std::size_t connections) noexcept { descriptor_room_ = connections; }

  /// Requests that wait for a backend. None for those without a domain but admins, who count as one domain.
  [[nodiscard]] bool admit_wait(DomainId domain);
  void release_wait(DomainId domain) noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_total_; }

  /// A backend read, forced read or explain that this caller causes: a token bucket of `limits.misses`. How long until
  /// one is free: 0 admits it.
  [[nodiscard]] Millis take_miss(PrincipalId who, Instant now);

  /// Input that connections hold back: `limits.buffers` in all, a quarter of it for one peer.
  [[nodiscard]] bool admit_buffer(const std::string& owner, std::size_t bytes);
  void release_buffer(const std::string& owner, std::size_t bytes) noexcept;
  [[nodiscard]] std::size_t buffered() const noexcept { return buffered_; }

 private:
  struct Owner {
    std::uint32_t connections = 0;
    std::size_t buffered = 0;
  };
  struct Bucket {
    double tokens;
    Instant filled_at;
  };
  void forget_full_buckets(Instant now);

  LimitsConfig limits_;
  std::size_t descriptor_room_ = SIZE_MAX;
  std::size_t connections_ = 0;
  std::size_t waiting_total_ = 0;
  std::size_t buffered_ = 0;
  std::unordered_map<std::string, Owner> by_owner_;
  std::unordered_map<DomainId, std::uint32_t> waiting_;
  std::unordered_map<PrincipalId, Bucket> buckets_;
};

}  // namespace tantalus
