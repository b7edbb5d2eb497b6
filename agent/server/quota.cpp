// SPDX-License-Identifier: Apache-2.0
#include "agent/server/quota.h"

#include <algorithm>
#include <chrono>

#include "agent/identity/cgroup.h"

namespace tantalus {
namespace {

constexpr std::size_t parts_for_one_peer = 4;
constexpr std::size_t most_buckets = 4096;  // Beyond it those that are full again are forgotten: they say nothing.

}  // namespace

std::string Quota::owner_of(const Peer& peer) {
  if (classify(peer.cgroups()).place != CgroupVerdict::Place::host || peer.in_nested_pid_namespace()) {
    return peer.cgroups();
  }
  return std::to_string(peer.uid());
}

bool Quota::admit_connection(const std::string& owner) {
  if (connections_ >= std::min<std::size_t>(limits_.connections, descriptor_room_)) {
    return false;
  }
  Owner& of = by_owner_[owner];
  if (of.connections >= limits_.connections_per_peer) {
    return false;
  }
  ++of.connections;
  ++connections_;
  return true;
}

void Quota::release_connection(const std::string& owner) noexcept {
  --connections_;
  const auto found = by_owner_.find(owner);
  if (found != by_owner_.end() && --found->second.connections == 0) {
    buffered_ -= found->second.buffered;
    by_owner_.erase(found);
  }
}

bool Quota::admit_wait(DomainId domain) {
  std::uint32_t& count = waiting_[domain];
  if (count >= limits_.inflight_per_domain) {
    return false;
  }
  ++count;
  ++waiting_total_;
  return true;
}

void Quota::release_wait(DomainId domain) noexcept {
  --waiting_total_;
  const auto found = waiting_.find(domain);
  if (found != waiting_.end() && --found->second == 0) {
    waiting_.erase(found);
  }
}

Millis Quota::take_miss(PrincipalId who, Instant now) {
  const double burst = limits_.misses.burst;
  const double rate = limits_.misses.per_second;
  if (buckets_.size() >= most_buckets && !buckets_.contains(who)) {
    forget_full_buckets(now);
  }
  Bucket& bucket = buckets_.try_emplace(who, Bucket{burst, now}).first->second;
  const double passed = std::chrono::duration<double>(now - bucket.filled_at).count();
  bucket.tokens = std::min(burst, bucket.tokens + passed * rate);
  bucket.filled_at = now;
  if (bucket.tokens >= 1.0) {
    bucket.tokens -= 1.0;
    return Millis{0};
  }
  return Millis{1 + static_cast<std::int64_t>((1.0 - bucket.tokens) * 1000.0 / std::max(rate, 0.001))};
}

void Quota::forget_full_buckets(Instant now) {
  std::erase_if(buckets_, [&](const auto& item) {
    const double passed = std::chrono::duration<double>(now - item.second.filled_at).count();
    return item.second.tokens + passed * limits_.misses.per_second >= limits_.misses.burst;
  });
}

bool Quota::admit_buffer(const std::string& owner, std::size_t bytes) {
  Owner& of = by_owner_[owner];
  if (bytes > limits_.buffers - std::min(limits_.buffers, buffered_) ||
      of.buffered + bytes > limits_.buffers / parts_for_one_peer) {
    return false;
  }
  of.buffered += bytes;
  buffered_ += bytes;
  return true;
}

void Quota::release_buffer(const std::string& owner, std::size_t bytes) noexcept {
  const auto found = by_owner_.find(owner);
  if (found != by_owner_.end()) {
    found->second.buffered -= bytes;
    buffered_ -= bytes;
  }
}

}  // namespace tantalus
