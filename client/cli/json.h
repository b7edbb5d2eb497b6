// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "client/src/locked.h"
#include "protocol/error.h"
#include "protocol/reference.h"

/// JSON that the command reads: configurations and variables, which may hold values beside references. So it is parsed
/// in place in locked memory, and the tree is views into it.
namespace tantalus::cli {

struct JsonNode {
  enum class Kind : std::uint8_t { null, text, array, object, other };

  Kind kind = Kind::null;
  std::string_view text;
  std::vector<std::string_view> names;  ///< Of an object's members, beside `children`.
  std::vector<JsonNode> children;

  [[nodiscard]] bool is(Kind wanted) const noexcept { return kind == wanted; }
  /// The member of that name; null if there is none, or several: then nobody can tell which one was meant.
  [[nodiscard]] const JsonNode* member(std::string_view name) const noexcept;
};

class JsonText {
 public:
  explicit JsonText(std::shared_ptr<client::LockedHeap> heap) : bytes_(std::move(heap)) {}

  /// False: not JSON, too deep, too large, or no memory.
  [[nodiscard]] bool parse(std::string_view text);
  [[nodiscard]] const JsonNode& root() const noexcept { return root_; }
  [[nodiscard]] std::size_t where() const noexcept { return where_; }  ///< The byte at which parse() gave up.

 private:
  client::LockedBuffer bytes_;
  JsonNode root_;
  std::size_t where_ = 0;
};

/// `{"key": …, "source": {"type": …, "id": …}}`; the message says which member is wrong.
[[nodiscard]] Result<ReferenceText> read_secret_object(const JsonNode& node);
/// Whether an object has that shape at all.
[[nodiscard]] bool is_secret_object(const JsonNode& node) noexcept;

}  // namespace tantalus::cli
