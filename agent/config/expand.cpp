// SPDX-License-Identifier: Apache-2.0
#include "agent/config/expand.h"

#include <algorithm>
#include <optional>

namespace tantalus {
namespace {

bool is_variable_name(std::string_view name) noexcept {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::expected<std::string, std::string> value_of(std::string_view reference, const Environment& environment) {
  const std::size_t separator = reference.find(":-");
  const std::string name(reference.substr(0, separator));
  if (!is_variable_name(name)) {
    return std::unexpected<std::string>(
        "expected the name of a variable between `${` and `}`: ${NAME} or ${NAME:-default}");
  }
  std::optional<std::string> value = environment(name);
  if (separator != std::string_view::npos) {
    return value && !value->empty() ? std::move(*value) : std::string(reference.substr(separator + 2));
  }
  if (!value) {
    return std::unexpected("the environment variable " + name + " is not set. Set it, or write ${" + name +
                           ":-default} to go on without it");
  }
  return std::move(*value);
}

}  // namespace

std::expected<std::string, std::string> expand_variables(std::string_view text, const Environment& environment) {
  std::string out;
  while (true) {
    const std::size_t begin = text.find("${");
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) {
      return out;
    }
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      return std::unexpected<std::string>("expected a `}` after `${`");
    }
    std::expected<std::string, std::string> value = value_of(text.substr(begin + 2, end - begin - 2), environment);
    if (!value) {
      return value;
    }
    out += *value;
    text.remove_prefix(end + 1);
  }
}

}  // namespace tantalus
