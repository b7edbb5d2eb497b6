// SPDX-License-Identifier: Apache-2.0
// A template: what is parsed joins to the template again, and what is refused says where.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/cli/template.h"

using namespace tantalus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const cli::Outcome<cli::Template> parsed = cli::parse_template(text, "t");
  if (!parsed) {
    check(parsed.error().exit == cli::exit_code::invalid_request && parsed.error().what.starts_with("t:"),
          "a refusal has its place");
    return 0;
  }
  std::size_t at = 0;
  for (const cli::Template::Piece& piece : parsed->pieces) {
    if (piece.reference) {
      check(*piece.reference < parsed->references.size(), "a piece names a reference that there is");
      const std::string& uri = parsed->references[*piece.reference].uri;
      check(text.substr(at, 2) == "{{" && text.find(uri, at) < text.find("}}", at), "a reference stands in its braces");
      at = text.find("}}", text.find(uri, at)) + 2;
      continue;
    }
    check(text.substr(at, piece.text.size()) == piece.text, "text is the template's own");
    at += piece.text.size();
  }
  check(at == text.size(), "nothing is left out");
  return 0;
}
