// SPDX-License-Identifier: Apache-2.0
#include "agent/config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace tantalus {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// The largest first, for format(). In milliseconds.
constexpr std::array duration_units{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000},
                                    Unit{"ms", 1}};
constexpr std::array size_units{Unit{"GiB", 1U << 30U}, Unit{"MiB", 1U << 20U}, Unit{"KiB", 1U << 10U}, Unit{"B", 1}};

constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) noexcept {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::uint64_t> number = parse_number(text.substr(0, digits));
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
  if (!number || unit == units.end() || *number > most / unit->factor) {
    return std::nullopt;
  }
  return *number * unit->factor;
}

std::string format_with_unit(std::uint64_t value, std::span<const Unit> units) {
  if (value == 0) {
    return std::string("0") + (units.size() == duration_units.size() ? "s" : "B");
  }
  const auto unit = std::ranges::find_if(units, [value](const Unit& u) { return value % u.factor == 0; });
  return std::to_string(value / unit->factor) + std::string(unit->name);
}

template <class Small>
std::optional<Small> narrow(std::optional<std::uint64_t> number) noexcept {
  if (!number || *number > std::numeric_limits<Small>::max()) {
    return std::nullopt;
  }
  return static_cast<Small>(*number);
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stopped != end) {
    return std::nullopt;
  }
  return number;
}

std::optional<Millis> parse_duration(std::string_view text) noexcept {
  const std::optional<std::uint64_t> millis = parse_with_unit(text, duration_units);
  if (!millis) {
    return std::nullopt;
  }
  return Millis(static_cast<std::int64_t>(*millis));
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  return parse_with_unit(text, size_units);
}

std::optional<std::uint32_t> parse_percent(std::string_view text) noexcept {
  if (!text.ends_with('%')) {
    return std::nullopt;
  }
  const auto number = narrow<std::uint32_t>(parse_number(text.substr(0, text.size() - 1)));
  return number && *number >= 1 && *number <= 100 ? number : std::nullopt;
}

std::optional<std::uint32_t> parse_per_second(std::string_view text) noexcept {
  if (!text.ends_with("/s")) {
    return std::nullopt;
  }
  return narrow<std::uint32_t>(parse_number(text.substr(0, text.size() - 2)));
}

std::optional<Rate> parse_rate(std::string_view text) noexcept {
  constexpr std::string_view between = " burst ";
  const std::size_t at = text.find(between);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const auto per_second = parse_per_second(text.substr(0, at));
  const auto burst = narrow<std::uint32_t>(parse_number(text.substr(at + between.size())));
  if (!per_second || !burst) {
    return std::nullopt;
  }
  return Rate{.per_second = *per_second, .burst = *burst};
}

std::optional<std::uint32_t> parse_mode(std::string_view text) noexcept {
  if (text.size() == 4 && text.front() == '0') {
    text.remove_prefix(1);
  }
  if (text.size() != 3 || text.find_first_not_of("01234567") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint32_t mode = 0;
  for (const char digit : text) {
    mode = mode * 8 + static_cast<std::uint32_t>(digit - '0');
  }
  return mode;
}

std::string format_duration(Millis duration) {
  return format_with_unit(static_cast<std::uint64_t>(duration.count()), duration_units);
}

std::string format_size(std::uint64_t bytes) {
  return format_with_unit(bytes, size_units);
}

}  // namespace tantalus
