// SPDX-License-Identifier: Apache-2.0
// Lines of NAME=VALUE, and the values as references in the platform's forms.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "client/cli/argument.h"
#include "client/cli/env_file.h"

using namespace tantalus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const cli::Outcome<std::vector<cli::Variable>> variables = cli::parse_env_file(text, "f");
  if (!variables) {
    check(variables.error().what.starts_with("f:"), "a refusal has its place");
    return 0;
  }
  for (const cli::Variable& variable : *variables) {
    check(cli::is_variable_name(variable.name), "a name can be in an environment");
    check(!variable.value.contains('\0') && !variable.value.contains('\n'), "a value is the rest of one line");
    if (const auto reference = cli::find_reference(variable.value); reference && *reference) {
      check(reference_from_uri((*reference)->uri).has_value(), "what is a reference has a URI");
    }
  }
  return 0;
}
