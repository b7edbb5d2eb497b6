// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>

#include "agent/config/schema.h"
#include "agent/config/units.h"

namespace tantalus {
namespace {

using namespace std::chrono_literals;
using limits::KiB;
using limits::MiB;

constexpr Range<Millis> a_deadline{10ms, 1h};
constexpr Range<std::uint32_t> a_crowd{1, 1'048'576};
constexpr std::uint32_t max_rate = 1'000'000;

void read_misses(const Value& value, Rate& into) {
  constexpr std::string_view expected = "a rate such as `100/s burst 3000`, each number from 1 to 1000000";
  const std::optional<std::string> text = value.scalar(expected);
  if (!text) {
    return;
  }
  const std::optional<Rate> rate = parse_rate(*text);
  if (!rate || rate->per_second < 1 || rate->per_second > max_rate || rate->burst < 1 || rate->burst > max_rate) {
    value.refuse_expected(expected);
    return;
  }
  into = *rate;
}

constexpr std::array<Key<LimitsConfig>, 14> limits_keys{{
    {"connections", [](const Value& v, LimitsConfig& c) { v.read(c.connections, a_crowd); }},
    {"connections_per_peer", [](const Value& v, LimitsConfig& c) { v.read(c.connections_per_peer, a_crowd); }},
    {"first_frame", [](const Value& v, LimitsConfig& c) { v.read(c.first_frame, a_deadline); }},
    {"frame_timeout", [](const Value& v, LimitsConfig& c) { v.read(c.frame_timeout, a_deadline); }},
    {"write_timeout", [](const Value& v, LimitsConfig& c) { v.read(c.write_timeout, a_deadline); }},
    {"write_queue", [](const Value& v, LimitsConfig& c) { v.read_size(c.write_queue, {4 * KiB, 1024 * MiB}); }},
    {"buffers", [](const Value& v, LimitsConfig& c) { v.read_size(c.buffers, {64 * KiB, 65'536 * MiB}); }},
    {"max_frame", [](const Value& v, LimitsConfig& c) { v.read_size(c.max_frame, {1 * KiB, 16 * MiB}); }},
    {"max_value", [](const Value& v, LimitsConfig& c) { v.read_size(c.max_value, {1, 16 * MiB}); }},
    {"max_batch", [](const Value& v, LimitsConfig& c) { v.read(c.max_batch, {1, 4096}); }},
    {"max_inflight", [](const Value& v, LimitsConfig& c) { v.read(c.max_inflight, {1, 65'536}); }},
    {"inflight_per_domain", [](const Value& v, LimitsConfig& c) { v.read(c.inflight_per_domain, a_crowd); }},
    {"misses", [](const Value& v, LimitsConfig& c) { read_misses(v, c.misses); }},
    {"drain", [](const Value& v, LimitsConfig& c) { v.read(c.drain, {0ms, 1h}); }},
}};

constexpr std::array<Key<CacheConfig>, 6> cache_keys{{
    {"memory", [](const Value& v, CacheConfig& c) { v.read_size(c.memory, {64 * KiB, 65'536 * MiB}); }},
    {"per_domain", [](const Value& v, CacheConfig& c) { v.read_percent(c.per_domain_percent); }},
    {"ttl", [](const Value& v, CacheConfig& c) { v.read(c.ttl, {10ms, 24h * 365}); }},
    {"refresh_ahead", [](const Value& v, CacheConfig& c) { v.read_percent(c.refresh_ahead_percent); }},
    {"stale_if_error", [](const Value& v, CacheConfig& c) { v.read(c.stale_if_error, {0ms, 24h * 365}); }},
    {"negative_ttl", [](const Value& v, CacheConfig& c) { v.read(c.negative_ttl, {0ms, 24h}); }},
}};

}  // namespace

void read_limits(const Value& value, LimitsConfig& into) {
  read_section(value, limits_keys, into);
}
void list_limits(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, limits_keys);
}

void check_limits(ConfigReading& reading, const LimitsConfig& limits) {
  if (limits.buffers < limits.max_frame) {
    reading.refuse_key("limits.buffers",
                       "at least one frame's room (limits.max_frame is " + format_size(limits.max_frame) + ")");
  }
  if (limits.write_queue < limits.max_value) {
    reading.refuse_key("limits.write_queue",
                       "at least one value's room (limits.max_value is " + format_size(limits.max_value) + ")");
  }
}

void read_cache(const Value& value, CacheConfig& into) {
  read_section(value, cache_keys, into);
}
void list_cache(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, cache_keys);
}

}  // namespace tantalus
