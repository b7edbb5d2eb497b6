// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/query.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace tantalus {
namespace {

constexpr std::size_t most_parameters = 16;

std::optional<unsigned> digit(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  if (c >= 'a' && c <= 'f') {
    return static_cast<unsigned>(c - 'a') + 10U;
  }
  if (c >= 'A' && c <= 'F') {
    return static_cast<unsigned>(c - 'A') + 10U;
  }
  return std::nullopt;
}

std::optional<char> byte_at(std::string_view text, std::size_t at) noexcept {
  const auto high = at < text.size() ? digit(text[at]) : std::nullopt;
  const auto low = at + 1 < text.size() ? digit(text[at + 1]) : std::nullopt;
  if (!high || !low) {
    return std::nullopt;
  }
  return static_cast<char>(*high * 16U + *low);
}

/// As forms write them: `+` is a space.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto byte = byte_at(text, i + 1);
    if (!byte) {
      return std::nullopt;
    }
    decoded += *byte;
    i += 2;
  }
  return decoded;
}

Result<void> add_parameter(std::string_view part, Target& target) {
  const std::size_t equals = part.find('=');
  const auto name = decode(part.substr(0, equals));
  const auto value =
      equals == std::string_view::npos ? std::optional<std::string>("") : decode(part.substr(equals + 1));
  if (!name || !value) {
    return fail(Code::invalid_request, "parameter " + std::string(part.substr(0, equals)) + ": a bad % escape");
  }
  if (target.find(*name) != nullptr) {
    return fail(Code::invalid_request, "parameter " + *name + ": given twice");
  }
  if (target.parameters.size() == most_parameters) {
    return fail(Code::invalid_request, "parameter " + *name + ": too many parameters");
  }
  target.parameters.push_back({*name, *value});
  return {};
}

}  // namespace

const std::string* Target::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(parameters, name, &QueryParameter::name);
  return found == parameters.end() ? nullptr : &found->value;
}

Result<Target> parse_target(std::string_view target) {
  constexpr std::string_view scheme = "http://";
  if (target.starts_with(scheme)) {
    const std::size_t path = target.find('/', scheme.size());
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  Target parsed{std::string(target.substr(0, mark)), {}};
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    if (end > 0) {
      if (const auto added = add_parameter(query.substr(0, end), parsed); !added) {
        return std::unexpected(added.error());
      }
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return parsed;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 0xFU];
  }
  return text;
}

Result<std::string> from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto byte = byte_at(text, i);
    if (!byte) {
      return fail(Code::invalid_request, "no hex");
    }
    bytes += *byte;
  }
  return bytes;
}

}  // namespace tantalus
