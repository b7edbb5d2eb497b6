// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml_block.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "protocol/error.h"

namespace tantalus::yaml {
namespace {

struct Line {
  std::string_view text;
  bool ends = false;  ///< By a line break, not by the end of the file.
};

/// Takes the first line off.
Line take_line(std::string_view& lines) noexcept {
  const std::size_t end = lines.find_first_of("\r\n");
  if (end == std::string_view::npos) {
    return {std::exchange(lines, {}), false};
  }
  const Line line{lines.substr(0, end), true};
  lines.remove_prefix(lines.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  return line;
}

/// The spaces before the first line that has more than spaces; unset: there is none.
std::optional<std::size_t> first_indentation(std::string_view lines) noexcept {
  while (!lines.empty()) {
    const Line line = take_line(lines);
    const std::size_t spaces = line.text.find_first_not_of(' ');
    if (spaces != std::string_view::npos) {
      return spaces;
    }
  }
  return std::nullopt;
}

enum class End : std::uint8_t { strip, clip, keep };

End end_of(std::string_view draft) noexcept {
  if (!draft.ends_with('\n')) {
    return End::strip;
  }
  return draft.ends_with("\n\n") ? End::keep : End::clip;
}

class Block {
 public:
  Block(std::size_t indentation, bool folded, std::span<char> to) noexcept
      : indentation_(indentation), folded_(folded), to_(to) {}

  void add(const Line& line) noexcept {
    std::string_view text = line.text;
    text.remove_prefix(std::min(indentation_, std::min(text.find_first_not_of(' '), text.size())));
    if (text.empty()) {
      empty_ += line.ends ? 1 : 0;
      return;
    }
    const bool indented = text.front() == ' ' || text.front() == '\t';
    if (!any_) {
      breaks(empty_);
    } else if (folded_ && !indented && !after_indented_) {
      empty_ == 0 ? put(' ') : breaks(empty_);
    } else {
      breaks(empty_ + 1);
    }
    std::memcpy(to_.data() + size_, text.data(), text.size());
    size_ += text.size();
    any_ = true;
    after_indented_ = indented;
    ends_ = line.ends;
    empty_ = 0;
  }

  std::size_t finish(End end) noexcept {
    if (end != End::strip && ends_) {
      put('\n');
    }
    if (end == End::keep) {
      breaks(empty_);
    }
    return size_;
  }

 private:
  void put(char c) noexcept { to_[size_++] = c; }
  void breaks(std::size_t count) noexcept {
    std::memset(to_.data() + size_, '\n', count);
    size_ += count;
  }

  std::size_t indentation_;
  bool folded_;
  std::span<char> to_;
  std::size_t size_ = 0;
  std::size_t empty_ = 0;  // Lines since the last text.
  bool any_ = false;
  bool after_indented_ = false;
  bool ends_ = false;
};

/// Nothing but empty lines: none of them counts, or with "+" all that a line break ends.
std::size_t only_breaks(std::string_view lines, std::string_view draft, std::span<char> to) noexcept {
  std::size_t size = 0;
  while (!lines.empty() && !draft.empty()) {
    if (take_line(lines).ends) {
      to[size++] = '\n';
    }
  }
  return size;
}

}  // namespace

std::optional<std::size_t> decode_block(std::string_view lines, bool folded, std::string_view draft,
                                        std::span<char> to) noexcept {
  check(to.size() >= lines.size(), "no room to decode a block of text");
  const std::optional<std::size_t> spaces = first_indentation(lines);
  const std::optional<std::size_t> drafted = first_indentation(draft);
  if (!spaces && !drafted) {
    return only_breaks(lines, draft, to);
  }
  if (!spaces || !drafted) {
    return std::nullopt;
  }
  if (*drafted > *spaces) {
    return std::nullopt;
  }
  const End end = end_of(draft);
  Block block(*spaces - *drafted, folded, to);
  while (!lines.empty()) {
    block.add(take_line(lines));
  }
  return block.finish(end);
}

}  // namespace tantalus::yaml
