// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/instant.h"

namespace tantalus {

/// One named thing in a log line. Views are borrowed for the call. There is none for a Secret or for bytes, so a value
/// can't be logged (promise 7, trap 115; tests/compile_fail/agent).
class LogField {
 public:
  LogField(std::string_view name, std::string_view text) noexcept : name_(name), value_(text) {}
  LogField(std::string_view name, const std::string& text) noexcept : name_(name), value_(std::string_view(text)) {}
  LogField(std::string_view name, const char* text) noexcept : name_(name), value_(std::string_view(text)) {}
  LogField(std::string_view name, bool truth) noexcept : name_(name), value_(truth) {}
  LogField(std::string_view name, std::signed_integral auto number) noexcept
      : name_(name), value_(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view name, std::unsigned_integral auto number) noexcept
      : name_(name), value_(static_cast<std::uint64_t>(number)) {}
  /// Shown as a number of milliseconds: give it a name that ends in `_ms`.
  LogField(std::string_view name, Millis duration) noexcept
      : name_(name), value_(static_cast<std::int64_t>(duration.count())) {}

  using Value = std::variant<std::string_view, bool, std::int64_t, std::uint64_t>;
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] const Value& value() const noexcept { return value_; }

 private:
  std::string_view name_;
  Value value_;
};

/// The agent's log: lines of text or JSON objects on one descriptor, the only spdlog. A message and its fields may hold
/// a peer's bytes: what could forge a line or move a terminal's cursor is escaped (trap 116), and a line is cut at 8
/// KiB. A line that can't be written is dropped: the agent does not wait for its log. No allocation in the steady
/// state, and nothing at all where the level is off. Loop thread only; passed by reference, never global.
class Log {
 public:
  enum class Level : std::uint8_t { trace, debug, info, warning, error, off };
  enum class Format : std::uint8_t { text, json };
  using Fields = std::initializer_list<LogField>;

  /// `fd` is the caller's, and stays open.
  Log(Level level, Format format, int fd = STDERR_FILENO);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void set_level(Level level) noexcept { level_ = level; }
  void set_format(Format format) noexcept;
  [[nodiscard]] Level level() const noexcept { return level_; }
  [[nodiscard]] bool is_on(Level level) const noexcept { return level >= level_ && level_ != Level::off; }

  void trace(std::string_view message, Fields fields = {}) { write(Level::trace, message, fields); }
  void debug(std::string_view message, Fields fields = {}) { write(Level::debug, message, fields); }
  void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
  void warning(std::string_view message, Fields fields = {}) { write(Level::warning, message, fields); }
  void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }
  void write(Level level, std::string_view message, Fields fields) {
    if (is_on(level)) {
      put(level, message, fields);
    }
  }

 private:
  struct State;
  void put(Level level, std::string_view message, Fields fields);

  Level level_;
  std::unique_ptr<State> state_;
};

/// Holds back what would repeat itself in the log: one in each interval is let through.
class RepeatLimit {
 public:
  explicit RepeatLimit(Millis interval) noexcept : interval_(interval) {}
  /// How many were held back since the last that was let through; unset: hold this one back too.
  [[nodiscard]] std::optional<std::uint64_t> admit(Instant now) noexcept {
    if (next_ && now < *next_) {
      ++held_back_;
      return std::nullopt;
    }
    next_ = now + interval_;
    return std::exchange(held_back_, 0);
  }

 private:
  Millis interval_;
  std::optional<Instant> next_;
  std::uint64_t held_back_ = 0;
};

}  // namespace tantalus
