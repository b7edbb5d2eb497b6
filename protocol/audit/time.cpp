// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "protocol/audit/parse.h"

namespace tantalus {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Takes parts of a time from its front.
class TimeCursor {
 public:
  explicit TimeCursor(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool take(char c) noexcept {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly so many digits, at most `most`.
  [[nodiscard]] std::optional<unsigned> number(std::size_t digits, unsigned most) noexcept {
    const std::string_view word = rest_.substr(0, digits);
    if (word.size() != digits || !std::ranges::all_of(word, is_digit)) {
      return std::nullopt;
    }
    unsigned number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    rest_.remove_prefix(digits);
    return number <= most ? std::optional(number) : std::nullopt;
  }
  /// One digit or more; what is below a microsecond is cut.
  [[nodiscard]] std::optional<std::chrono::microseconds> fraction() noexcept {
    std::int64_t micros = 0;
    std::int64_t weight = 100'000;
    std::size_t digits = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), weight /= 10, ++digits) {
      micros += weight * (rest_.front() - '0');
    }
    return digits > 0 ? std::optional(std::chrono::microseconds(micros)) : std::nullopt;
  }
  /// Nothing, `Z`, or `±hh:mm`: what to take off to come to UTC.
  [[nodiscard]] std::optional<std::chrono::minutes> offset() noexcept {
    if (rest_.empty() || take('Z')) {
      return std::chrono::minutes(0);
    }
    const bool is_east = rest_.front() == '+';
    if (!take('+') && !take('-')) {
      return std::nullopt;
    }
    const std::optional<unsigned> hours = number(2, 23);
    const std::optional<unsigned> minutes = hours && take(':') ? number(2, 59) : std::nullopt;
    if (!minutes) {
      return std::nullopt;
    }
    const std::chrono::minutes offset(*hours * 60 + *minutes);
    return is_east ? offset : -offset;
  }
  [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> date_at(TimeCursor& cursor) noexcept {
  const std::optional<unsigned> year = cursor.number(4, 9999);
  const std::optional<unsigned> month = year && cursor.take('-') ? cursor.number(2, 12) : std::nullopt;
  const std::optional<unsigned> day = month && cursor.take('-') ? cursor.number(2, 31) : std::nullopt;
  if (!day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day));
  return date.ok() ? std::optional(std::chrono::sys_days(date)) : std::nullopt;
}

/// `hh:mm` or `hh:mm:ss` or `hh:mm:ss.fraction`. A leap second counts as the one after it.
std::optional<std::chrono::microseconds> clock_at(TimeCursor& cursor) noexcept {
  const std::optional<unsigned> hours = cursor.number(2, 23);
  const std::optional<unsigned> minutes = hours && cursor.take(':') ? cursor.number(2, 59) : std::nullopt;
  if (!minutes) {
    return std::nullopt;
  }
  std::chrono::microseconds clock = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  if (cursor.take(':')) {
    const std::optional<unsigned> seconds = cursor.number(2, 60);
    if (!seconds) {
      return std::nullopt;
    }
    clock += std::chrono::seconds(*seconds);
    if (cursor.take('.')) {
      const std::optional<std::chrono::microseconds> fraction = cursor.fraction();
      if (!fraction) {
        return std::nullopt;
      }
      clock += *fraction;
    }
  }
  return clock;
}

}  // namespace

std::optional<WallMicros> parse_time(std::string_view text) noexcept {
  TimeCursor cursor(text);
  const std::optional<std::chrono::sys_days> date = date_at(cursor);
  if (!date) {
    return std::nullopt;
  }
  WallMicros time = *date;
  if (!cursor.take('T') && !cursor.take(' ')) {
    return cursor.is_at_end() ? std::optional(time) : std::nullopt;
  }
  const std::optional<std::chrono::microseconds> clock = clock_at(cursor);
  const std::optional<std::chrono::minutes> offset = clock ? cursor.offset() : std::nullopt;
  if (!offset || !cursor.is_at_end()) {
    return std::nullopt;
  }
  return time + *clock - *offset;
}

}  // namespace tantalus
