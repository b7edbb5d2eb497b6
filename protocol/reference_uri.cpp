// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <utility>

#include "protocol/limits.h"
#include "protocol/reference.h"
#include "protocol/utf8.h"

namespace tantalus {
namespace {

constexpr std::string_view scheme = "tantalus://";
constexpr std::string_view hex_digits = "0123456789ABCDEF";

std::unexpected<Error> refuse(std::string message) {
  return fail(Code::invalid_request, std::move(message));
}

/// RFC 3986, section 2.3. What isn't among these is escaped, so that a written URI has no character of two meanings.
bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void escape_into(std::string& out, std::string_view text, bool keeps_slash) {
  for (const char c : text) {
    if (is_unreserved(c) || (keeps_slash && c == '/')) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex_digits[byte >> 4U];
    out += hex_digits[byte & 0xfU];
  }
}

std::optional<unsigned> hex_value(char c) noexcept {
  const char upper = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  const std::size_t value = hex_digits.find(upper);
  return value == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(value));
}

/// `what` names the part in an error, whose own text may be a default's and so is not repeated.
Result<std::string> unescape(std::string_view text, std::string_view what) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte <= 0x20 || byte == 0x7f) {
        return refuse(std::string(what) + ": spaces and control characters stand percent-encoded in a URI");
      }
      out += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_value(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return refuse(std::string(what) + ": a `%` without two hexadecimal digits");
    }
    out += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  if (!is_utf8(out)) {
    return refuse(std::string(what) + ": not UTF-8");
  }
  return out;
}

/// Cuts what follows the first `mark` off, if there is one.
std::optional<std::string_view> cut_after(std::string_view& text, char mark) noexcept {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view tail = text.substr(at + 1);
  text = text.substr(0, at);
  return tail;
}

class QueryReader {
 public:
  explicit QueryReader(ReferenceText& reference) : reference_(reference) {}

  Result<void> read(std::string_view query) {
    std::optional<std::string_view> rest = query;
    while (rest) {
      std::string_view pair = *rest;
      rest = cut_after(pair, '&');
      const std::string_view raw = cut_after(pair, '=').value_or(std::string_view());
      const auto name = find(pair);
      if (!name) {
        return refuse("unknown name " + quoted(pair) +
                      " in the reference: it may have scope, id, version, optional, default");
      }
      const unsigned bit = 1U << static_cast<unsigned>(*name);
      if ((seen_ & bit) != 0) {
        return refuse(quoted(pair) + " stands twice in the reference");
      }
      seen_ |= bit;
      auto value = unescape(raw, quoted(pair));
      if (!value) {
        return std::unexpected(std::move(value.error()));
      }
      if (auto set_it = set(*name, std::move(*value)); !set_it) {
        return set_it;
      }
    }
    return {};
  }

 private:
  enum class Name : unsigned char { scope, id, version, optional, default_value };

  static std::optional<Name> find(std::string_view text) noexcept {
    constexpr std::string_view names[] = {"scope", "id", "version", "optional", "default"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
      if (names[i] == text) {
        return static_cast<Name>(i);
      }
    }
    return std::nullopt;
  }

  Result<void> set(Name name, std::string value) {
    switch (name) {
      case Name::scope: {
        const auto scope = scope_from_text(value);
        if (!scope) {
          return refuse("`scope` is domain, global or admin");
        }
        reference_.scope = *scope;
        return {};
      }
      case Name::id:
        if (value.empty()) {
          return refuse("`id` is empty");
        }
        reference_.id = std::move(value);
        return {};
      case Name::version: {
        const char* const end = value.data() + value.size();
        const auto parsed = std::from_chars(value.data(), end, reference_.version);
        if (parsed.ec != std::errc() || parsed.ptr != end) {
          return refuse("`version` is a number from 0 to 4294967295");
        }
        return {};
      }
      case Name::optional:
        if (value != "true" && value != "false") {
          return refuse("`optional` is true or false");
        }
        reference_.optional = value == "true";
        return {};
      case Name::default_value:
        reference_.default_value = std::move(value);
        return {};
    }
    return {};
  }

  ReferenceText& reference_;
  unsigned seen_ = 0;
};

/// What can be said without knowing the default source: a reference that some source would take.
Result<void> validate_for_any(const Reference& reference) {
  if (reference.source) {
    return validate(reference, *reference.source);
  }
  auto as_vault = validate(reference, Source::vault);
  return as_vault || !validate(reference, Source::kubernetes) ? as_vault : Result<void>();
}

}  // namespace

Result<ReferenceText> reference_from_uri(std::string_view uri) {
  if (!uri.starts_with(scheme)) {
    return refuse("a reference begins with tantalus://");
  }
  if (uri.size() > limits::max_uri) {
    return refuse("the reference is longer than " + std::to_string(limits::max_uri) + " bytes");
  }
  std::string_view rest = uri.substr(scheme.size());
  const auto fragment = cut_after(rest, '#');
  const auto query = cut_after(rest, '?');
  const auto path = cut_after(rest, '/');
  if (!path) {
    return refuse("a reference is tantalus://SOURCE/KEY, or tantalus:///KEY for the default source");
  }
  ReferenceText reference;
  if (!rest.empty()) {
    reference.source = source_from_text(rest);
    if (!reference.source) {
      return refuse("the source " + quoted(rest) + " is none of kubernetes, vault and file");
    }
  }
  auto key = unescape(*path, "`key`");
  if (!key) {
    return std::unexpected(std::move(key.error()));
  }
  reference.key = std::move(*key);
  if (query) {
    if (auto arguments = QueryReader(reference).read(*query); !arguments) {
      return std::unexpected(std::move(arguments.error()));
    }
  }
  if (fragment) {
    auto field = unescape(*fragment, "`field`");
    if (!field) {
      return std::unexpected(std::move(field.error()));
    }
    if (field->empty()) {
      return refuse("`field`, after the `#`, is empty");
    }
    reference.field = std::move(*field);
  }
  if (auto valid = validate_for_any(reference.view()); !valid) {
    return std::unexpected(std::move(valid.error()));
  }
  return reference;
}

std::string to_uri(const Reference& reference) {
  std::string uri(scheme);
  if (reference.source) {
    uri += to_text(*reference.source);
  }
  uri += '/';
  escape_into(uri, reference.key, true);
  char mark = '?';
  const auto argument = [&](std::string_view name, std::string_view value) {
    uri += std::exchange(mark, '&');
    uri += name;
    uri += '=';
    escape_into(uri, value, false);
  };
  if (reference.scope != Scope::domain) {
    argument("scope", to_text(reference.scope));
  }
  if (!reference.id.empty()) {
    argument("id", reference.id);
  }
  if (reference.version != 0) {
    argument("version", std::to_string(reference.version));
  }
  if (!reference.field.empty()) {
    uri += '#';
    escape_into(uri, reference.field, false);
  }
  return uri;
}

}  // namespace tantalus
