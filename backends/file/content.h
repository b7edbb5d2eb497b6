// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "backends/codec/problem.h"
#include "backends/file/directory.h"
#include "cache/arena.h"
#include "cache/secret.h"

namespace tantalus {

/// The bytes of a file, read into locked memory a piece at a time. Only regular files are opened, never waiting.
class FileContent {
 public:
  [[nodiscard]] static Parsed<FileContent> open(Arena& arena, const std::string& path);
  FileContent(FileContent&& other) noexcept;
  FileContent& operator=(FileContent&&) = delete;
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;
  ~FileContent();

  /// Reads up to `bytes` more. True: the end was reached, or what was read has changed meanwhile (changed()).
  [[nodiscard]] Parsed<bool> read(std::size_t bytes);
  /// Whether somebody wrote to the file since it was opened, so that the bytes may be of two states.
  [[nodiscard]] bool changed() const noexcept { return changed_; }
  [[nodiscard]] const FileStamp& stamp() const noexcept { return stamp_; }
  [[nodiscard]] std::span<const std::byte> bytes() noexcept;
  /// The text with json::padding zeros behind it, to be parsed in place.
  [[nodiscard]] std::span<char> text_and_padding() noexcept;

 private:
  FileContent(int fd, const FileStamp& stamp, SecretWriter writer) noexcept
      : fd_(fd), stamp_(stamp), writer_(std::move(writer)) {}

  int fd_;
  FileStamp stamp_;
  SecretWriter writer_;
  std::size_t size_ = 0;
  bool changed_ = false;
};

}  // namespace tantalus
