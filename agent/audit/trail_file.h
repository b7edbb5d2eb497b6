// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/identity/peer.h"
#include "protocol/audit/line.h"
#include "protocol/error.h"

namespace tantalus {

/// The end of what a trail holds already.
struct TrailTail {
  std::optional<ChainHead> head;  ///< Of its last good line; unset: it has none.
  std::uint64_t torn_bytes = 0;   ///< What stands after it and is no line; its last end of line is not counted.
  HashText torn_hash{};
  bool lacks_newline = false;  ///< Something must end its last line before the next.
};

/// Looks for the last good line of `text`, the end of a trail. `is_whole`: the trail starts with `text`.
[[nodiscard]] TrailTail find_tail(std::string_view text, bool is_whole);

/// Where the trail's lines go: a file that is appended to, or standard output. It is locked (flock(2)): two writers
/// would break one chain. Failures carry a sentence for the operator: which path, what happened, what to do. Move-only.
class TrailFile {
 public:
  /// "-" is standard output. A file that is no trail is refused, as is one that another process writes.
  [[nodiscard]] static Result<TrailFile> open(const std::string& path);

  /// From open(): where its chain stands; of an empty file, where the newest rotated one's does.
  [[nodiscard]] const TrailTail& tail() const noexcept { return tail_; }

  /// How an append ended: whole or not at all, as a rule. `torn`: a part is there and could not be cut back, which
  /// only an append-only file (chattr(1)) or a stream refuses.
  struct Written {
    bool whole = false;
    std::size_t torn = 0;
    std::string problem;
  };
  /// One write(2), more only where the kernel takes less at a time.
  [[nodiscard]] Written append(std::string_view bytes);

  /// Renames PATH.1 to PATH.2 and so on, at most `keep` of them, then PATH to PATH.1, and opens PATH anew.
  [[nodiscard]] Result<void> rotate(std::uint32_t keep);
  /// Opens the path anew where it names another file than the open one, or none. True: it does so now.
  [[nodiscard]] Result<bool> follow();
  /// Whether the open file has a name left: lines written to one without are lost.
  [[nodiscard]] bool is_linked() const noexcept;

  /// fdatasync(2), blocking; 0 or errno. Of a stream: 0.
  [[nodiscard]] static int sync(const UniqueFd& descriptor) noexcept;
  /// Held by whoever syncs it elsewhere while this opens another.
  [[nodiscard]] const std::shared_ptr<const UniqueFd>& descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_regular() const noexcept { return regular_; }

 private:
  explicit TrailFile(std::string path) noexcept : path_(std::move(path)) {}
  [[nodiscard]] Result<UniqueFd> open_path() const;
  [[nodiscard]] Result<void> read_tail();
  [[nodiscard]] std::size_t cut_back(std::size_t bytes) noexcept;

  std::string path_;
  std::shared_ptr<const UniqueFd> descriptor_;  // Shared with a sync under way.
  bool regular_ = false;
  std::size_t size_ = 0;
  TrailTail tail_;
};

}  // namespace tantalus
