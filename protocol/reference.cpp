// SPDX-License-Identifier: Apache-2.0
#include "protocol/reference.h"

#include <array>

#include "protocol/limits.h"
#include "protocol/utf8.h"

namespace tantalus {
namespace {

constexpr std::array sources{std::pair{Source::kubernetes, std::string_view("kubernetes")},
                             std::pair{Source::vault, std::string_view("vault")},
                             std::pair{Source::file, std::string_view("file")}};
constexpr std::array scopes{std::pair{Scope::domain, std::string_view("domain")},
                            std::pair{Scope::global, std::string_view("global")},
                            std::pair{Scope::admin, std::string_view("admin")}};

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_in_either_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) {
      return false;
    }
  }
  return true;
}

constexpr std::array<bool, 256> make_key_alphabet() noexcept {
  std::array<bool, 256> allowed{};
  for (const char c : std::string_view("-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    allowed[static_cast<unsigned char>(c)] = true;
  }
  return allowed;
}
constexpr std::array<bool, 256> key_alphabet = make_key_alphabet();

bool is_segment(std::string_view text) noexcept {
  for (const char c : text) {
    if (!key_alphabet[static_cast<unsigned char>(c)]) {
      return false;
    }
  }
  return !text.empty();
}

/// Kubernetes refuses these names for a Secret's keys (IsConfigMapKey in k8s.io/apimachinery: "." and what begins with
/// ".." stand in the way of mounting them), and the file backend holds manifests of the same.
Result<void> validate_object_key(std::string_view key) {
  if (!is_segment(key)) {
    return fail(Code::invalid_request, "`key` holds something other than letters, digits, `-`, `.` and `_`");
  }
  if (key == "." || key.starts_with("..")) {
    return fail(Code::invalid_request, "`key` is `.` or begins with `..`");
  }
  return {};
}

/// A Vault key is the end of a path below the configured one: it must not lead out of it (trap 83).
Result<void> validate_path_key(std::string_view key) {
  while (true) {
    const std::size_t slash = key.find('/');
    const std::string_view segment = key.substr(0, slash);
    if (!is_segment(segment)) {
      return fail(Code::invalid_request,
                  "`key` holds an empty segment, or something other than letters, digits, `-`, `.`, `_` and `/`");
    }
    if (segment == "." || segment == "..") {
      return fail(Code::invalid_request, "`key` holds a dot segment");
    }
    if (slash == std::string_view::npos) {
      return {};
    }
    key.remove_prefix(slash + 1);
  }
}

Result<void> validate_text(std::string_view name, std::string_view text, std::size_t most) {
  if (text.size() > most) {
    return fail(Code::invalid_request, quoted(name) + " is longer than " + std::to_string(most) + " bytes");
  }
  if (!is_utf8(text)) {
    return fail(Code::invalid_request, quoted(name) + " is not UTF-8");
  }
  return {};
}

}  // namespace

std::string_view to_text(Source source) noexcept {
  return sources[static_cast<std::size_t>(source)].second;
}
std::string_view to_text(Scope scope) noexcept {
  return scopes[static_cast<std::size_t>(scope)].second;
}

std::optional<Source> source_from_text(std::string_view text) noexcept {
  for (const auto& [source, name] : sources) {
    if (equals_in_either_case(text, name)) {
      return source;
    }
  }
  return std::nullopt;
}

std::optional<Scope> scope_from_text(std::string_view text) noexcept {
  for (const auto& [scope, name] : scopes) {
    if (text == name) {
      return scope;
    }
  }
  return std::nullopt;
}

Result<void> validate(const Reference& reference, Source source) {
  if (reference.key.empty() || reference.key.size() > limits::max_key) {
    return fail(Code::invalid_request, "`key` must have 1 to " + std::to_string(limits::max_key) + " characters");
  }
  const bool is_vault = source == Source::vault;
  if (auto key = is_vault ? validate_path_key(reference.key) : validate_object_key(reference.key); !key) {
    return key;
  }
  if (is_vault && reference.scope != Scope::domain) {
    return fail(Code::invalid_request, "`scope`: Vault has the domain scope alone");
  }
  if (!is_vault && reference.version != 0) {
    return fail(Code::invalid_request, "`version`: only Vault keeps versions");
  }
  if (auto id = validate_text("id", reference.id, limits::max_id); !id) {
    return id;
  }
  return validate_text("field", reference.field, limits::max_field);
}

Reference ReferenceText::view() const noexcept {
  return Reference{.key = key, .source = source, .scope = scope, .id = id, .field = field, .version = version};
}

}  // namespace tantalus
