// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "client/cli/agent.h"
#include "client/cli/argument.h"
#include "client/cli/problem.h"
#include "client/src/locked.h"

namespace tantalus::cli {

enum class Format : std::uint8_t { raw, json, base64, env };
[[nodiscard]] std::optional<Format> format_from_text(std::string_view text) noexcept;

/// Answers that are all there (a secret, or none for `optional=true`), as the format has them. No newline ends `raw`.
[[nodiscard]] Outcome<void> write_secrets(Format format, std::span<const Argument> arguments,
                                          std::span<const Answer> answers, client::LockedBuffer& out);

/// `db-password` is `DB_PASSWORD`: letters upper-cased, all but letters and digits `_`, none at all before a digit but
/// `_`.
[[nodiscard]] std::string variable_name(std::string_view key);
/// `'…'` as a POSIX shell reads it back.
void write_quoted(std::span<const std::byte> value, client::LockedBuffer& out);
void write_base64(std::span<const std::byte> value, client::LockedBuffer& out);

void write_text(std::string_view text, client::LockedBuffer& out);
/// A row of a reply as a JSON object.
void write_row(const tantalus_reply* reply, std::size_t row, client::LockedBuffer& out);

/// All of it to standard output.
[[nodiscard]] Outcome<void> write_out(std::span<const std::byte> bytes);

}  // namespace tantalus::cli
