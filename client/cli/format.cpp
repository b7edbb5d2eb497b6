// SPDX-License-Identifier: Apache-2.0
#include "client/cli/format.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "client/cli/json_writer.h"
#include "protocol/utf8.h"

namespace tantalus::cli {
namespace {

using client::LockedBuffer;

void put(LockedBuffer& out, std::span<const std::byte> bytes) {
  check(out.append(bytes), "no memory for output");
}

void write_secret_json(const tantalus_secret& secret, LockedBuffer& out) {
  LockedStream stream(out);
  JsonWriter json(stream);
  const auto text = [&](std::string_view name, const char* value) {
    json.name(name);
    json.text(value);
  };
  json.StartObject();
  text("key", tantalus_secret_key(&secret));
  text("source", tantalus_secret_source(&secret));
  text("scope", tantalus_secret_scope(&secret));
  if (tantalus_secret_id(&secret) != nullptr) {
    text("id", tantalus_secret_id(&secret));
  }
  if (tantalus_secret_is_default(&secret) != 0) {
    json.name("default");
    json.Bool(true);
  } else {
    text("version", tantalus_secret_version(&secret));
    json.name("updated_at");
    if (tantalus_secret_updated_at(&secret) < 0) {
      json.Null();
    } else {
      json.Int64(tantalus_secret_updated_at(&secret));
    }
    json.name("age");
    json.Int64(tantalus_secret_age_ms(&secret));
    json.name("ttl");
    json.Int64(tantalus_secret_ttl_ms(&secret));
    json.name("cached");
    json.Bool(tantalus_secret_is_cached(&secret) != 0);
    json.name("stale");
    json.Bool(tantalus_secret_is_stale(&secret) != 0);
  }
  const std::span<const std::byte> value = value_of(secret);
  const std::string_view as_text(reinterpret_cast<const char*>(value.data()), value.size());
  if (is_utf8(as_text)) {
    json.name("value");
    json.text(as_text);
  } else {
    json.name("value_base64");
    LockedBuffer encoded(client::LockedHeap::make());
    write_base64(value, encoded);
    json.text({reinterpret_cast<const char*>(encoded.bytes().data()), encoded.bytes().size()});
  }
  json.EndObject();
}

void write_json(std::span<const Answer> answers, LockedBuffer& out) {
  const bool is_array = answers.size() > 1;
  write_text(is_array ? "[" : "", out);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    write_text(i > 0 ? "," : "", out);
    if (answers[i].secret == nullptr) {
      write_text("null", out);
    } else {
      write_secret_json(*answers[i].secret, out);
    }
  }
  write_text(is_array ? "]\n" : "\n", out);
}

Outcome<void> write_env(std::span<const Argument> arguments, std::span<const Answer> answers, LockedBuffer& out) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string name = variable_name(arguments[i].reference.key);
    if (!names.insert(name).second) {
      return std::unexpected(Problem{exit_code::usage, arguments[i].written,
                                     "another reference also gives the variable " + name,
                                     "Name them yourself: tantalus exec --env NAME=REF."});
    }
    if (answers[i].secret == nullptr) {
      continue;
    }
    const std::span<const std::byte> value = value_of(*answers[i].secret);
    if (std::ranges::find(value, std::byte{0}) != value.end()) {
      return std::unexpected(Problem{exit_code::invalid_request, arguments[i].written,
                                     "the value holds a NUL byte, which no variable can",
                                     "Take it with --format raw or base64."});
    }
    write_text(name + "=", out);
    write_quoted(value, out);
    write_text("\n", out);
  }
  return {};
}

}  // namespace

std::optional<Format> format_from_text(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 4> names{"raw", "json", "base64", "env"};
  const auto found = std::ranges::find(names, text);
  return found == names.end() ? std::nullopt : std::optional(static_cast<Format>(found - names.begin()));
}

Outcome<void> write_secrets(Format format, std::span<const Argument> arguments, std::span<const Answer> answers,
                            LockedBuffer& out) {
  switch (format) {
    case Format::raw:
      for (const Answer& answer : answers) {
        if (answer.secret != nullptr) {
          put(out, value_of(*answer.secret));
        }
      }
      return {};
    case Format::json:
      write_json(answers, out);
      return {};
    case Format::base64:
      for (const Answer& answer : answers) {
        if (answer.secret != nullptr) {
          write_base64(value_of(*answer.secret), out);
        }
        write_text("\n", out);
      }
      return {};
    case Format::env:
      return write_env(arguments, answers, out);
  }
  return {};
}

std::string variable_name(std::string_view key) {
  std::string name;
  if (!key.empty() && key.front() >= '0' && key.front() <= '9') {
    name += '_';  // No shell takes a name that begins with a digit.
  }
  for (const char character : key) {
    if (character >= 'a' && character <= 'z') {
      name += static_cast<char>(character - 'a' + 'A');
    } else if ((character >= 'A' && character <= 'Z') || (character >= '0' && character <= '9')) {
      name += character;
    } else {
      name += '_';
    }
  }
  return name;
}

void write_quoted(std::span<const std::byte> value, LockedBuffer& out) {
  write_text("'", out);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == std::byte{'\''}) {
      write_text("'\\''", out);
    } else {
      put(out, value.subspan(i, 1));
    }
  }
  write_text("'", out);
}

void write_base64(std::span<const std::byte> value, LockedBuffer& out) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < value.size(); i += 3) {
    const std::span<const std::byte> group = value.subspan(i, std::min<std::size_t>(3, value.size() - i));
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8U | (k < group.size() ? std::to_integer<std::uint32_t>(group[k]) : 0U);
    }
    std::array<char, 4> digits{'=', '=', '=', '='};
    for (std::size_t k = 0; k <= group.size(); ++k) {
      digits[k] = alphabet[bits >> (18U - 6U * k) & 0x3fU];
    }
    put(out, std::as_bytes(std::span(digits)));
    client::wipe(std::as_writable_bytes(std::span(digits)));
  }
}

void write_text(std::string_view text, LockedBuffer& out) {
  put(out, std::as_bytes(std::span(text)));
}

void write_row(const tantalus_reply* reply, std::size_t row, LockedBuffer& out) {
  LockedStream stream(out);
  JsonWriter json(stream);
  json.StartObject();
  for (std::size_t i = 0; i < tantalus_reply_members(reply, row); ++i) {
    const char* const name = tantalus_reply_name(reply, row, i);
    json.name(name);
    switch (tantalus_reply_kind(reply, row, name)) {
      case TANTALUS_NIL:
        json.Null();
        break;
      case TANTALUS_BOOLEAN:
        json.Bool(tantalus_reply_integer(reply, row, name) != 0);
        break;
      case TANTALUS_INTEGER:
        json.Int64(tantalus_reply_integer(reply, row, name));
        break;
      case TANTALUS_TEXT:
        json.text(tantalus_reply_text(reply, row, name));
        break;
    }
  }
  tantalus_error error{};
  if (const tantalus_status status = tantalus_reply_status(reply, row, &error); status != TANTALUS_OK) {
    json.name("error");
    json.StartObject();
    json.name("code");
    json.text(tantalus_status_name(status));
    json.name("message");
    json.text(error.message);
    if (error.retry_after_ms > 0) {
      json.name("retry_after");
      json.Uint(error.retry_after_ms);
    }
    json.EndObject();
  }
  json.EndObject();
}

Outcome<void> write_out(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return std::unexpected(Problem{exit_code::internal, "standard output", strerrordesc_np(errno), ""});
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace tantalus::cli
