// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <string_view>

namespace tantalus {

/// Cuts a stream into lines of bounded memory: what is longer than the bound comes in several pieces.
class LinePieces {
 public:
  struct Piece {
    std::string_view bytes;  ///< Without the end of line; valid until the next call.
    bool starts = false;     ///< A line starts with it.
    bool ends = false;       ///< The line ends with it, by an end of line or the stream's end.
    bool has_newline = false;
  };

  LinePieces(std::istream& in, std::size_t longest);
  /// False at the stream's end.
  [[nodiscard]] bool next(Piece& piece);

 private:
  std::istream& in_;
  std::size_t longest_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool at_start_ = true;
};

}  // namespace tantalus
