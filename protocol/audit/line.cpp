// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/line.h"

#include <algorithm>
#include <charconv>

namespace tantalus {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

constexpr bool stands_as_it_is(char c) noexcept {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void append_escape(std::string& out, std::uint32_t unit) {
  const std::array<char, 6> escape{'\\',
                                   'u',
                                   hex_digits[(unit >> 12U) & 15U],
                                   hex_digits[(unit >> 8U) & 15U],
                                   hex_digits[(unit >> 4U) & 15U],
                                   hex_digits[unit & 15U]};
  out.append(escape.data(), escape.size());
}

/// Reads one code point of RFC 3629 at the front; 0 bytes: what stands there is none.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;
};

CodePoint code_point_at(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t first = byte(0);
  const std::size_t bytes = first < 0x80   ? 1
                            : first < 0xc2 ? 0
                            : first < 0xe0 ? 2
                            : first < 0xf0 ? 3
                            : first < 0xf5 ? 4
                                           : 0;
  if (bytes == 0 || bytes > text.size()) {
    return {};
  }
  if (bytes == 1) {
    return {first, 1};
  }
  std::uint32_t value = first & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) {
      return {};
    }
    value = (value << 6U) | (byte(i) & 0x3fU);
  }
  const bool is_overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool is_surrogate = value >= 0xd800 && value < 0xe000;
  return is_overlong || is_surrogate || value > 0x10ffff ? CodePoint{} : CodePoint{value, bytes};
}

/// What stands_as_it_is() refuses: escapes of RFC 8259, U+FFFD for a byte that is no UTF-8. Gives the bytes read.
std::size_t append_escaped(std::string& out, std::string_view text) {
  if (text.front() == '"' || text.front() == '\\') {
    out += '\\';
    out += text.front();
    return 1;
  }
  const CodePoint point = code_point_at(text);
  if (point.bytes == 0) {
    append_escape(out, 0xfffd);
    return 1;
  }
  if (point.value < 0x10000) {
    append_escape(out, point.value);
  } else {
    append_escape(out, 0xd800 + ((point.value - 0x10000) >> 10U));
    append_escape(out, 0xdc00 + ((point.value - 0x10000) & 0x3ffU));
  }
  return point.bytes;
}

/// Which bytes stands_as_it_is() takes, so that a run of them is found by one load a byte.
constexpr std::array<bool, 256> plain_bytes = [] {
  std::array<bool, 256> plain{};
  for (std::size_t i = 0; i < plain.size(); ++i) {
    plain[i] = stands_as_it_is(static_cast<char>(i));
  }
  return plain;
}();

void append_text(std::string& out, std::string_view text) {
  const bool is_cut = text.size() > AuditChain::max_text;
  text = text.substr(0, AuditChain::max_text);
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && plain_bytes[static_cast<std::uint8_t>(text[plain])]) {
      ++plain;
    }
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (!text.empty()) {
      text.remove_prefix(append_escaped(out, text));
    }
  }
  if (is_cut) {
    append_escape(out, 0x2026);
  }
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

/// The members after the first; `name` as it stands between the quotes.
class Members {
 public:
  explicit Members(std::string& out) noexcept : out_(out) {}

  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      start(name);
      out_ += '"';
      append_text(out_, value);
      out_ += '"';
    }
  }
  template <class Number>
  void number(std::string_view name, std::optional<Number> value) {
    if (value) {
      start(name);
      if (*value < Number{0}) {
        out_ += '-';
        append_number(out_, 0 - static_cast<std::uint64_t>(*value));
        return;
      }
      append_number(out_, static_cast<std::uint64_t>(*value));
    }
  }
  void flag(std::string_view name, std::optional<bool> value) {
    if (value) {
      start(name);
      out_ += *value ? "true" : "false";
    }
  }

 private:
  void start(std::string_view name) {
    out_.append(",\"", 2);
    out_.append(name);
    out_.append("\":", 2);
  }
  std::string& out_;
};

void append_two(std::string& out, unsigned number) {
  out += static_cast<char>('0' + number / 10 % 10);
  out += static_cast<char>('0' + number % 10);
}

/// `2026-08-01T12:30:00.`: RFC 3339 up to the fraction. Years before 1 and after 9999 have no such form.
std::string second_text(std::chrono::sys_seconds second) {
  const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<std::chrono::seconds> clock(second - day);
  const auto year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 1, 9999));
  std::string text;
  append_two(text, year / 100);
  append_two(text, year);
  text += '-';
  append_two(text, static_cast<unsigned>(date.month()));
  text += '-';
  append_two(text, static_cast<unsigned>(date.day()));
  text += 'T';
  append_two(text, static_cast<unsigned>(clock.hours().count()));
  text += ':';
  append_two(text, static_cast<unsigned>(clock.minutes().count()));
  text += ':';
  append_two(text, static_cast<unsigned>(clock.seconds().count()));
  text += '.';
  return text;
}

}  // namespace

void AuditChain::append_time(std::string& out, WallMicros time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second != second_) {
    second_ = second;
    second_text_ = second_text(second);
  }
  out += second_text_;
  auto micros = static_cast<std::uint32_t>((time - second).count());
  std::array<char, 6> digits;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    *digit = static_cast<char>('0' + micros % 10);
    micros /= 10;
  }
  out.append(digits.data(), digits.size());
  out += 'Z';
}

void AuditChain::append(std::string& out, const AuditLine& line) {
  const std::size_t start = out.size();
  out += "{\"seq\":";
  append_number(out, head_.seq + 1);
  out += ",\"time\":\"";
  append_time(out, line.time);
  out += '"';
  Members members(out);
  members.text("event", line.event);
  members.text("outcome", line.outcome);
  members.text("domain", line.domain);
  members.flag("admin", line.admin);
  members.text("attested_by", line.attested_by);
  members.text("pod", line.pod);
  members.text("namespace", line.namespace_name);
  members.text("service_account", line.service_account);
  members.text("pod_uid", line.pod_uid);
  members.text("container", line.container);
  members.text("unit", line.unit);
  members.number("uid", line.uid);
  members.number("pid", line.pid);
  members.text("exe", line.exe);
  members.text("source", line.source);
  members.text("scope", line.scope);
  members.text("id", line.id);
  members.text("key", line.key);
  members.text("version", line.version);
  members.flag("cached", line.cached);
  members.flag("stale", line.stale);
  members.number("age_ms", line.age_ms);
  members.number("took_us", line.took_us);
  members.number("count", line.count);
  members.number("torn_bytes", line.torn_bytes);
  members.text("torn_hash", line.torn_hash);
  members.text("detail", line.detail);
  out += ",\"prev\":\"";
  out += view(head_.hash);
  out += '"';
  head_ = ChainHead(head_.seq + 1, sha256_.of(std::string_view(out).substr(start)));
  out += ",\"hash\":\"";
  out += view(head_.hash);
  out += "\"}\n";
}

}  // namespace tantalus
