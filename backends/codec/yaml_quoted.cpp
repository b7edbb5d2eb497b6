// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml_quoted.h"

#include <array>
#include <cstdint>

#include "protocol/error.h"

namespace tantalus::yaml {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
bool is_break(char c) noexcept {
  return c == '\n' || c == '\r';
}

struct Escape {
  char letter;
  std::string_view text;
};

constexpr std::array escapes{
    Escape{'0', {"\0", 1}},
    Escape{'a', "\a"},
    Escape{'b', "\b"},
    Escape{'t', "\t"},
    Escape{'\t', "\t"},
    Escape{'n', "\n"},
    Escape{'v', "\v"},
    Escape{'f', "\f"},
    Escape{'r', "\r"},
    Escape{'e', "\x1b"},
    Escape{' ', " "},
    Escape{'"', "\""},
    Escape{'/', "/"},
    Escape{'\\', "\\"},
    Escape{'N', "\xc2\x85"},
    Escape{'_', "\xc2\xa0"},
    Escape{'L', "\xe2\x80\xa8"},
    Escape{'P', "\xe2\x80\xa9"},
};

class Decoder {
 public:
  Decoder(std::string_view between, std::span<char> to) : text_(between), to_(to) {
    check(to.size() >= between.size() + between.size() / 2, "no room to decode a quoted scalar");
  }

  std::optional<std::size_t> single_quoted() noexcept {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_break(c)) {
        fold();
        continue;
      }
      if (c == '\'') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '\'') {
          return std::nullopt;
        }
      }
      put(c);
      ++at_;
    }
    return size_;
  }

  std::optional<std::size_t> double_quoted() noexcept {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_break(c)) {
        fold();
      } else if (c == '"') {
        return std::nullopt;
      } else if (c != '\\') {
        put(c);
        ++at_;
      } else if (!escape()) {
        return std::nullopt;
      }
    }
    return size_;
  }

 private:
  void put(char c) noexcept { to_[size_++] = c; }

  /// Passes a line break, \r\n as one.
  void pass_break() noexcept { at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1; }

  /// The lines that follow a break, empty ones counted, up to the next text.
  std::size_t pass_empty_lines() noexcept {
    std::size_t lines = 0;
    while (true) {
      while (at_ < text_.size() && is_blank(text_[at_])) {
        ++at_;
      }
      if (at_ == text_.size() || !is_break(text_[at_])) {
        return lines;
      }
      pass_break();
      ++lines;
    }
  }

  /// One break is a space, of several all but the first stay; blanks around them go, but not those that were escaped.
  void fold() noexcept {
    while (size_ > kept_ && is_blank(to_[size_ - 1])) {
      --size_;
    }
    pass_break();
    const std::size_t lines = pass_empty_lines();
    if (lines == 0) {
      put(' ');
    }
    for (std::size_t i = 0; i < lines; ++i) {
      put('\n');
    }
    kept_ = size_;
  }

  bool escape() noexcept {
    ++at_;
    if (at_ == text_.size()) {
      return false;
    }
    const char letter = text_[at_];
    if (is_break(letter)) {
      pass_break();
      const std::size_t lines = pass_empty_lines();
      for (std::size_t i = 0; i < lines; ++i) {
        put('\n');
      }
      kept_ = size_;
      return true;
    }
    ++at_;
    switch (letter) {
      case 'x':
        return code_point(2);
      case 'u':
        return code_point(4);
      case 'U':
        return code_point(8);
      default:
        break;
    }
    for (const Escape& known : escapes) {
      if (known.letter == letter) {
        for (const char c : known.text) {
          put(c);
        }
        kept_ = size_;
        return true;
      }
    }
    return false;
  }

  bool code_point(std::size_t digits) noexcept {
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      if (at_ == text_.size()) {
        return false;
      }
      const char c = text_[at_];
      std::uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A') + 10;
      } else {
        return false;
      }
      code = code << 4U | digit;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      return false;
    }
    put_utf8(code);
    kept_ = size_;
    return true;
  }

  void put_utf8(std::uint32_t code) noexcept {
    if (code < 0x80) {
      put(static_cast<char>(code));
      return;
    }
    if (code < 0x800) {
      put(static_cast<char>(0xC0U | code >> 6U));
    } else if (code < 0x10000) {
      put(static_cast<char>(0xE0U | code >> 12U));
      put(static_cast<char>(0x80U | (code >> 6U & 0x3FU)));
    } else {
      put(static_cast<char>(0xF0U | code >> 18U));
      put(static_cast<char>(0x80U | (code >> 12U & 0x3FU)));
      put(static_cast<char>(0x80U | (code >> 6U & 0x3FU)));
    }
    put(static_cast<char>(0x80U | (code & 0x3FU)));
  }

  std::string_view text_;
  std::span<char> to_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;
  std::size_t kept_ = 0;  // Up to here nothing is a blank that folding may take away.
};

}  // namespace

std::optional<std::size_t> decode_single_quoted(std::string_view between, std::span<char> to) noexcept {
  return Decoder(between, to).single_quoted();
}

std::optional<std::size_t> decode_double_quoted(std::string_view between, std::span<char> to) noexcept {
  return Decoder(between, to).double_quoted();
}

}  // namespace tantalus::yaml
