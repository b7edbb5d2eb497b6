// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/options.h"
#include "client/cli/problem.h"
#include "protocol/reference.h"

namespace tantalus::cli {

/// A reference as it was written, and as the library takes it.
struct Argument {
  std::string written;
  std::string uri;
  ReferenceText reference;
};

/// `--source`, `--scope`, `--id`, `--field` and `--ref-version`, for keys that stand alone.
struct ShortForm {
  std::optional<std::string> source, scope, id, field;
  std::uint32_t version = 0;

  void add_to(Options& options);
  [[nodiscard]] bool is_used() const noexcept { return source || scope || id || field || version != 0; }
};

/// A URI, the platform's JSON, `${secrets.KEY}`, or a key that `form` completes.
[[nodiscard]] Outcome<Argument> read_argument(std::string_view text, const ShortForm& form);

/// All of them, or what is wrong with each that is none (told here), and the first one's exit code.
[[nodiscard]] std::expected<std::vector<Argument>, int> read_arguments(std::string_view command,
                                                                       std::span<const std::string> texts,
                                                                       const ShortForm& form, bool quiet);

/// Whether the whole text is a reference in one of the forms that are never anything else, and which. Unset: it is not;
/// a problem: it is one, and wrong (trap 125: never taken for a plain value).
[[nodiscard]] std::optional<Outcome<Argument>> find_reference(std::string_view text);

}  // namespace tantalus::cli
