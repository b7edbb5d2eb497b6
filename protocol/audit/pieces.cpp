// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/pieces.h"

#include <algorithm>

namespace tantalus {

namespace {

constexpr std::size_t chunk = std::size_t{16} * 1024;

}  // namespace

LinePieces::LinePieces(std::istream& in, std::size_t longest) : in_(in), longest_(longest) {}

bool LinePieces::next(Piece& piece) {
  std::size_t searched = 0;
  while (true) {
    const std::string_view unread = std::string_view(buffer_).substr(at_);
    const std::size_t newline = unread.find('\n', searched);
    if (newline != std::string_view::npos && newline <= longest_) {
      piece = {unread.substr(0, newline), at_start_, true, true};
      at_ += newline + 1;
      at_start_ = true;
      return true;
    }
    if (unread.size() > longest_) {
      piece = {unread.substr(0, longest_), at_start_, false, false};
      at_ += longest_;
      at_start_ = false;
      return true;
    }
    searched = unread.size();
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t kept = buffer_.size();
    buffer_.resize(kept + chunk);
    in_.read(buffer_.data() + kept, static_cast<std::streamsize>(chunk));
    buffer_.resize(kept + static_cast<std::size_t>(std::max<std::streamsize>(in_.gcount(), 0)));
    if (buffer_.size() == kept) {
      if (kept == 0 && at_start_) {
        return false;
      }
      piece = {buffer_, at_start_, true, false};
      at_ = kept;
      at_start_ = true;
      return true;
    }
  }
}

}  // namespace tantalus
