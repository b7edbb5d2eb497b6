// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml_screen.h"

#include <cstddef>
#include <cstdint>
#include <limits>

#include "backends/codec/utf8.h"

namespace tantalus::yaml {
namespace {

constexpr std::size_t max_blank_lines = 16384;

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
bool is_break(char c) noexcept {
  return c == '\n' || c == '\r';
}

/// Whether a '?' that stands behind this on its line may be the sign of a key and no text: at the line's begin, behind
/// another sign, a closing quote or bracket, a tag, an anchor or an alias.
bool may_end_token(std::string_view before) noexcept {
  const std::size_t last = before.find_last_not_of(" \t");
  if (last == std::string_view::npos) {
    return true;
  }
  constexpr std::string_view signs = "-?:,[]{}\"'.";
  if (signs.find(before[last]) != std::string_view::npos) {
    return true;
  }
  const std::size_t blank = before.find_last_of(" \t", last);
  const std::size_t begin = blank == std::string_view::npos ? 0 : blank + 1;
  constexpr std::string_view marks = "!&*";
  return begin <= last && before.substr(begin, last + 1 - begin).find_first_of(marks) != std::string_view::npos;
}

class Screen {
 public:
  explicit Screen(std::string_view text) noexcept : text_(text) {}

  std::optional<Problem> run() {
    const std::size_t utf8_end = first_not_utf8(text_);
    if (text_.size() > std::numeric_limits<int>::max()) {
      return Problem{{1, 1}, "the file is too large", false};
    }
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (at_ == utf8_end) {
        return here("not UTF-8");
      }
      if (is_break(c)) {
        blank_lines_ = is_blank_ ? blank_lines_ + 1 : 0;
        if (blank_lines_ > max_blank_lines) {
          return here("too many blank lines in a row");
        }
        end_line();
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
        return here("a character that YAML forbids");
      }
      if (c == '?' && ends_word() && may_end_token(text_.substr(line_begin_, at_ - line_begin_))) {
        return here("explicit keys (\"? \") are refused");
      }
      is_blank_ = is_blank_ && is_blank(c);
    }
    return std::nullopt;
  }

 private:
  void end_line() noexcept {
    line_ += text_.substr(at_).starts_with("\r\n") ? 0U : 1U;
    line_begin_ = at_ + 1;
    is_blank_ = true;
  }
  [[nodiscard]] bool ends_word() const noexcept {
    return at_ + 1 == text_.size() || is_blank(text_[at_ + 1]) || is_break(text_[at_ + 1]);
  }
  [[nodiscard]] Problem here(const char* what) const {
    return Problem{{line_, static_cast<std::uint32_t>(at_ - line_begin_) + 1}, what, false};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::size_t line_begin_ = 0;
  std::size_t blank_lines_ = 0;
  bool is_blank_ = true;  // This line, so far.
};

}  // namespace

std::optional<Problem> screen(std::string_view text) {
  return Screen(text).run();
}

}  // namespace tantalus::yaml
