// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config/config.h"
#include "protocol/instant.h"

/// The configuration's spellings of numbers with units. Each parser takes the whole text or nothing.
namespace tantalus {

/// Decimal digits alone.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;
/// `250ms`, `30s`, `5m`, `1h`, `90d`.
[[nodiscard]] std::optional<Millis> parse_duration(std::string_view text) noexcept;
/// `512B`, `64KiB`, `16MiB`, `2GiB`.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;
/// `80%`, from 1 to 100.
[[nodiscard]] std::optional<std::uint32_t> parse_percent(std::string_view text) noexcept;
/// `1000/s`.
[[nodiscard]] std::optional<std::uint32_t> parse_per_second(std::string_view text) noexcept;
/// `100/s burst 3000`.
[[nodiscard]] std::optional<Rate> parse_rate(std::string_view text) noexcept;
/// `0666`: three octal digits, a zero before them if one likes.
[[nodiscard]] std::optional<std::uint32_t> parse_mode(std::string_view text) noexcept;

/// In the largest unit that fits evenly, as the parsers read it.
[[nodiscard]] std::string format_duration(Millis duration);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace tantalus
