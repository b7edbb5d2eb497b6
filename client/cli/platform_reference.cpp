// SPDX-License-Identifier: Apache-2.0
#include "client/cli/platform_reference.h"

#include <utility>

#include "client/cli/json.h"
#include "client/src/locked.h"

namespace tantalus::cli {
namespace {

constexpr std::string_view legacy_begin = "${secrets.";
constexpr std::size_t longest_object = 64 * 1024;  // What is longer is a program's own JSON.

Result<ReferenceText> read_legacy(std::string_view key) {
  ReferenceText reference;
  reference.key = key;
  reference.source = Source::kubernetes;
  reference.scope = Scope::global;
  if (Result<void> valid = validate(reference.view(), Source::kubernetes); !valid) {
    return std::unexpected(std::move(valid.error()));
  }
  return reference;
}

}  // namespace

std::optional<Result<ReferenceText>> find_platform_reference(std::string_view text) {
  if (text.starts_with(legacy_begin) && text.ends_with('}')) {
    text.remove_prefix(legacy_begin.size());
    text.remove_suffix(1);
    return read_legacy(text);
  }
  if (!text.starts_with('{') || !text.ends_with('}') || text.size() > longest_object ||
      text.find("\"source\"") == std::string_view::npos) {
    return std::nullopt;
  }
  std::shared_ptr<client::LockedHeap> heap = client::LockedHeap::make();
  if (heap == nullptr) {
    return Result<ReferenceText>(fail(Code::internal, "no memory"));
  }
  JsonText json(std::move(heap));
  if (!json.parse(text) || !is_secret_object(json.root())) {
    return std::nullopt;
  }
  return read_secret_object(json.root());
}

}  // namespace tantalus::cli
