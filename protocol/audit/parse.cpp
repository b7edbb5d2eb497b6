// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/parse.h"

#include <algorithm>
#include <charconv>

namespace tantalus {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::optional<std::uint32_t> hex_value(std::string_view digits) noexcept {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  const bool is_whole = digits.size() == 4 && problem == std::errc() && end == digits.data() + digits.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

template <class Number>
std::optional<Number> number_of(std::string_view digits) noexcept {
  Number number{};
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_whole = problem == std::errc() && end == digits.data() + digits.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

bool is_hash(std::string_view text) noexcept {
  return text.size() == std::tuple_size_v<HashText> &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

/// Reads the object from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool take(std::string_view word) noexcept {
    if (!rest_.starts_with(word)) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }
  /// A text's inside, escapes as they stand but checked. Printable ASCII alone, as the writer has it.
  [[nodiscard]] std::optional<std::string_view> text() noexcept {
    if (!take("\"")) {
      return std::nullopt;
    }
    std::size_t at = 0;
    while (at < rest_.size() && rest_[at] != '"') {
      const char c = rest_[at];
      if (c < 0x20 || c >= 0x7f) {
        return std::nullopt;
      }
      const std::size_t size = c == '\\' ? escape_size(rest_.substr(at)) : 1;
      if (size == 0) {
        return std::nullopt;
      }
      at += size;
    }
    if (at >= rest_.size()) {
      return std::nullopt;
    }
    const std::string_view inside = rest_.substr(0, at);
    rest_.remove_prefix(at + 1);
    return inside;
  }
  /// true, false, null, or a whole number.
  [[nodiscard]] std::optional<std::string_view> word() noexcept {
    const std::size_t size = std::min(rest_.find_first_of(",}"), rest_.size());
    const std::string_view word = rest_.substr(0, size);
    const std::string_view digits = word.starts_with('-') ? word.substr(1) : word;
    const bool is_number = !digits.empty() && digits.size() <= 20 && std::ranges::all_of(digits, is_digit) &&
                           (digits.size() == 1 || digits.front() != '0');
    if (!is_number && word != "true" && word != "false" && word != "null") {
      return std::nullopt;
    }
    rest_.remove_prefix(size);
    return word;
  }
  [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }

 private:
  static std::size_t escape_size(std::string_view text) noexcept {
    if (text.starts_with("\\\"") || text.starts_with("\\\\")) {
      return 2;
    }
    return text.starts_with("\\u") && hex_value(text.substr(2, 4)) ? 6 : 0;
  }
  std::string_view rest_;
};

void append_utf8(std::string& out, std::uint32_t point) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xc0U | (point >> 6U));
    byte(0x80U | (point & 0x3fU));
  } else if (point < 0x10000) {
    byte(0xe0U | (point >> 12U));
    byte(0x80U | ((point >> 6U) & 0x3fU));
    byte(0x80U | (point & 0x3fU));
  } else {
    byte(0xf0U | (point >> 18U));
    byte(0x80U | ((point >> 12U) & 0x3fU));
    byte(0x80U | ((point >> 6U) & 0x3fU));
    byte(0x80U | (point & 0x3fU));
  }
}

/// A lone surrogate becomes U+FFFD.
std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '\\') {
      const std::size_t plain = std::min(text.find('\\'), text.size());
      out.append(text.substr(0, plain));
      text.remove_prefix(plain);
      continue;
    }
    if (text[1] != 'u') {
      out += text[1];
      text.remove_prefix(2);
      continue;
    }
    std::uint32_t point = hex_value(text.substr(2, 4)).value_or(0xfffd);
    text.remove_prefix(6);
    const bool is_high = point >= 0xd800 && point < 0xdc00;
    const std::optional<std::uint32_t> low =
        is_high && text.starts_with("\\u") ? hex_value(text.substr(2, 4)) : std::nullopt;
    if (low && *low >= 0xdc00 && *low < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10U) + (*low - 0xdc00);
      text.remove_prefix(6);
    } else if (point >= 0xd800 && point < 0xe000) {
      point = 0xfffd;
    }
    append_utf8(out, point);
  }
  return out;
}

}  // namespace

std::optional<ParsedAuditLine> ParsedAuditLine::parse(std::string_view line) noexcept {
  ParsedAuditLine parsed;
  Cursor cursor(line);
  if (!cursor.take("{")) {
    return std::nullopt;
  }
  do {
    if (parsed.size_ == max_members) {
      return std::nullopt;
    }
    const std::optional<std::string_view> name = cursor.text();
    if (!name || name->contains('\\') || parsed.find(*name) != nullptr || !cursor.take(":")) {
      return std::nullopt;
    }
    const std::optional<std::string_view> text = cursor.text();
    const std::optional<std::string_view> value = text ? text : cursor.word();
    if (!value) {
      return std::nullopt;
    }
    parsed.members_[parsed.size_++] = Member{*name, *value, text.has_value()};
  } while (cursor.take(","));
  if (!cursor.take("}") || !cursor.is_at_end() || parsed.size_ < 3) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> seq = parsed.number("seq");
  const Member& prev = parsed.members_[parsed.size_ - 2];
  const Member& hash = parsed.members_[parsed.size_ - 1];
  const bool is_chained = seq && parsed.members_.front().name == "seq" && prev.name == "prev" && prev.is_text &&
                          is_hash(prev.value) && hash.name == "hash" && hash.is_text && is_hash(hash.value);
  if (!is_chained) {
    return std::nullopt;
  }
  parsed.seq_ = *seq;
  parsed.prev_ = prev.value;
  parsed.hash_ = hash.value;
  constexpr std::string_view around_hash = R"(,"hash":""})";
  parsed.hashed_bytes_ = line.substr(0, line.size() - around_hash.size() - hash.value.size());
  return parsed;
}

const ParsedAuditLine::Member* ParsedAuditLine::find(std::string_view name) const noexcept {
  const auto end = members_.begin() + static_cast<std::ptrdiff_t>(size_);
  const auto found = std::find_if(members_.begin(), end, [&](const Member& member) { return member.name == name; });
  return found == end ? nullptr : &*found;
}

std::optional<std::string> ParsedAuditLine::text(std::string_view name) const {
  const Member* member = find(name);
  return member != nullptr && member->is_text ? std::optional(unescaped(member->value)) : std::nullopt;
}

std::optional<std::uint64_t> ParsedAuditLine::number(std::string_view name) const noexcept {
  const Member* member = find(name);
  return member != nullptr && !member->is_text ? number_of<std::uint64_t>(member->value) : std::nullopt;
}

std::optional<bool> ParsedAuditLine::flag(std::string_view name) const noexcept {
  const Member* member = find(name);
  const bool is_flag = member != nullptr && !member->is_text && (member->value == "true" || member->value == "false");
  return is_flag ? std::optional(member->value == "true") : std::nullopt;
}

std::optional<WallMicros> ParsedAuditLine::time() const {
  const std::optional<std::string> text = this->text("time");
  return text ? parse_time(*text) : std::nullopt;
}

}  // namespace tantalus
