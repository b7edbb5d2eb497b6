// SPDX-License-Identifier: Apache-2.0
#include "client/cli/template.h"

#include <algorithm>
#include <map>
#include <utility>

namespace tantalus::cli {
namespace {

constexpr std::string_view blanks = " \t";

/// The URI that `{{` at the front of `text` holds, and where it ends; unset where it holds something else.
struct Braces {
  std::string_view uri;
  std::size_t size = 0;  ///< 0: they are never closed.
};

std::optional<Braces> find_braces(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks, 2);
  if (begin == std::string_view::npos || !text.substr(begin).starts_with("tantalus:")) {
    return std::nullopt;
  }
  const std::size_t line_end = std::min(text.find('\n', begin), text.size());
  const std::size_t end = text.substr(0, line_end).find("}}", begin);
  if (end == std::string_view::npos) {
    return Braces{};
  }
  std::string_view uri = text.substr(begin, end - begin);
  uri = uri.substr(0, uri.find_last_not_of(blanks) + 1);
  return Braces{uri, end + 2};
}

std::string place(const std::string& what, std::string_view text, std::size_t at) {
  const auto lines = std::ranges::count(text.substr(0, at), '\n') + 1;
  const std::size_t line_begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  return what + ":" + std::to_string(lines) + ":" + std::to_string(at - line_begin + 1);
}

}  // namespace

Outcome<Template> parse_template(std::string_view text, const std::string& what) {
  Template parsed;
  std::map<std::string_view, std::size_t> known;
  std::size_t begin = 0;
  std::size_t at = text.find("{{");
  while (at != std::string_view::npos) {
    const std::optional<Braces> braces = find_braces(text.substr(at));
    if (!braces) {
      at = text.find("{{", at + 1);
      continue;
    }
    if (braces->size == 0) {
      return std::unexpected(Problem{exit_code::invalid_request, place(what, text, at),
                                     "the braces of a reference are not closed on its line", ""});
    }
    const auto [entry, is_new] = known.try_emplace(braces->uri, parsed.references.size());
    if (is_new) {
      Result<ReferenceText> reference = reference_from_uri(braces->uri);
      if (!reference) {
        return std::unexpected(reference_problem(place(what, text, at), reference.error()));
      }
      parsed.references.push_back({std::string(braces->uri), std::string(braces->uri), std::move(*reference)});
    }
    parsed.pieces.push_back({text.substr(begin, at - begin), std::nullopt});
    parsed.pieces.push_back({{}, entry->second});
    begin = at + braces->size;
    at = text.find("{{", begin);
  }
  parsed.pieces.push_back({text.substr(begin), std::nullopt});
  return parsed;
}

}  // namespace tantalus::cli
