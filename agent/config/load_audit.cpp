// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>

#include "agent/config/names.h"
#include "agent/config/schema.h"
#include "agent/config/units.h"

namespace tantalus {
namespace {

using namespace std::chrono_literals;
using limits::KiB;
using limits::MiB;

constexpr std::array<Choice<AuditFailure>, 2> failure_choices{{
    {"deny", AuditFailure::deny},
    {"allow", AuditFailure::allow},
}};

bool is_trail(std::string_view text) {
  return text == "-" || (text != "/" && is_clean_path(text));
}

void read_sync(const Value& value, std::optional<Millis>& into) {
  constexpr std::string_view expected = "`always`, or a duration from 10ms to 1h";
  const std::optional<std::string> text = value.scalar(expected);
  if (!text) {
    return;
  }
  if (*text == "always") {
    into.reset();
    return;
  }
  const std::optional<Millis> duration = parse_duration(*text);
  if (!duration || *duration < 10ms || *duration > 1h) {
    value.refuse_expected(expected);
    return;
  }
  into = duration;
}

void read_lines(const Value& value, std::uint32_t& into) {
  constexpr std::string_view expected = "a rate such as `1000/s`, from 1/s to 1000000/s, or 0";
  const std::optional<std::string> text = value.scalar(expected);
  if (!text) {
    return;
  }
  if (*text == "0") {
    into = 0;
    return;
  }
  const std::optional<std::uint32_t> rate = parse_per_second(*text);
  if (!rate || *rate < 1 || *rate > 1'000'000) {
    value.refuse_expected(expected);
    return;
  }
  into = *rate;
}

constexpr std::array<Key<AuditConfig>, 6> audit_keys{{
    {"path",
     [](const Value& v, AuditConfig& c) {
       v.read_text_or_empty(c.path, "the absolute path of a file, \"-\" (standard output)", is_trail);
     }},
    {"on_failure", [](const Value& v, AuditConfig& c) { v.read_choice(c.on_failure, failure_choices); }},
    {"sync", [](const Value& v, AuditConfig& c) { read_sync(v, c.sync); }},
    {"lines", [](const Value& v, AuditConfig& c) { read_lines(v, c.lines_per_second); }},
    {"max_bytes",
     [](const Value& v, AuditConfig& c) { v.read_size(c.max_bytes, {4 * KiB, std::size_t{1024} * 1024 * MiB}); }},
    {"keep", [](const Value& v, AuditConfig& c) { v.read(c.keep, {1, 10'000}); }},
}};

constexpr Range<Millis> an_age{1s, 24h * 36'500};

void read_scope_ages(const Value& value, std::map<std::string, Millis>& into) {
  for (const auto& [scope, age] : value.map("scopes to durations")) {
    if (scope != "domain" && scope != "global" && scope != "admin") {
      age.refuse("expected domain, global or admin before the colon; found `" + scope + "`");
      continue;
    }
    age.read(into[scope], an_age);
  }
}

bool is_key_glob(std::string_view text) {
  return !text.empty() && text.size() <= limits::max_key && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '/' || c == '*';
  });
}

void read_key_ages(const Value& value, std::map<std::string, Millis>& into) {
  for (const auto& [glob, age] : value.map("keys, in which * stands for any text, to durations")) {
    if (!is_key_glob(glob)) {
      age.refuse("expected a secret's key before the colon, in which * stands for any text; found `" + glob + "`");
      continue;
    }
    age.read(into[glob], an_age);
  }
}

constexpr std::array<Key<RotationConfig>, 2> max_age_keys{{
    {"scopes", [](const Value& v, RotationConfig& c) { read_scope_ages(v, c.scopes); },
     [](auto& out, const std::string& path) { out.push_back(path + ".<scope>"); }},
    {"keys", [](const Value& v, RotationConfig& c) { read_key_ages(v, c.keys); },
     [](auto& out, const std::string& path) { out.push_back(path + ".<key>"); }},
}};

constexpr std::array<Key<RotationConfig>, 1> rotation_keys{{
    {"max_age", [](const Value& v, RotationConfig& c) { read_section(v, max_age_keys, c); },
     [](auto& out, const std::string& path) { list_section(out, path, max_age_keys); }},
}};

constexpr std::array<Choice<LogLevel>, 6> levels{{
    {"trace", LogLevel::trace},
    {"debug", LogLevel::debug},
    {"info", LogLevel::info},
    {"warning", LogLevel::warning},
    {"error", LogLevel::error},
    {"off", LogLevel::off},
}};

constexpr std::array<Choice<LogFormat>, 2> formats{{
    {"text", LogFormat::text},
    {"json", LogFormat::json},
}};

constexpr std::array<Key<LogConfig>, 2> log_keys{{
    {"level", [](const Value& v, LogConfig& c) { v.read_choice(c.level, levels); }},
    {"format", [](const Value& v, LogConfig& c) { v.read_choice(c.format, formats); }},
}};

}  // namespace

void read_audit(const Value& value, AuditConfig& into) {
  read_section(value, audit_keys, into);
}
void list_audit(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, audit_keys);
}
void read_rotation(const Value& value, RotationConfig& into) {
  read_section(value, rotation_keys, into);
}
void list_rotation(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, rotation_keys);
}
void read_log(const Value& value, LogConfig& into) {
  read_section(value, log_keys, into);
}
void list_log(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, log_keys);
}

}  // namespace tantalus
