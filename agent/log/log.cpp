// SPDX-License-Identifier: Apache-2.0
#include "agent/log/log.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "agent/log/line.h"
#include "protocol/error.h"

namespace tantalus {
namespace {

constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* json_pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

/// A descriptor, a line a write(2): spdlog's own sinks go through stdio, which keeps a copy and can leave half a line.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FdSink(int fd) noexcept : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    formatted_.clear();
    if (is_torn_) {
      formatted_.push_back('\n');  // What was left of a line must not be taken for the beginning of this one.
    }
    formatter_->format(message, formatted_);
    std::string_view rest(formatted_.data(), formatted_.size());
    while (!rest.empty()) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written > 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (written < 0 && errno != EINTR) {
        // A full pipe, a closed one: there is nowhere to say so.
        is_torn_ = is_torn_ || rest.size() != formatted_.size();
        return;
      }
    }
    is_torn_ = false;
  }
  void flush_() override {}

 private:
  const int fd_;
  spdlog::memory_buf_t formatted_;
  bool is_torn_ = false;
};

spdlog::level::level_enum to_spdlog(Log::Level level) noexcept {
  switch (level) {
    case Log::Level::trace:
      return spdlog::level::trace;
    case Log::Level::debug:
      return spdlog::level::debug;
    case Log::Level::info:
      return spdlog::level::info;
    case Log::Level::warning:
      return spdlog::level::warn;
    case Log::Level::error:
      return spdlog::level::err;
    case Log::Level::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

struct Log::State {
  explicit State(int fd) : logger("tantalusd", std::make_shared<FdSink>(fd)) {
    logger.set_level(spdlog::level::trace);  // Log asks its own level before anything is formatted.
    logger.set_error_handler([](const std::string&) { abort_because("spdlog failed to format a line"); });
    line.reserve(max_log_line + 64);
  }
  void set_format(Format wanted) {
    format = wanted;
    logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        format == Format::json ? json_pattern : text_pattern, spdlog::pattern_time_type::utc, "\n"));
  }

  spdlog::logger logger;  // Not in spdlog's registry: nothing of it is global.
  Format format = Format::text;
  std::string line;
};

Log::Log(Level level, Format format, int fd) : level_(level), state_(std::make_unique<State>(fd)) {
  state_->set_format(format);
}

Log::~Log() = default;

void Log::set_format(Format format) noexcept {
  state_->set_format(format);
}

void Log::put(Level level, std::string_view message, Fields fields) {
  std::string& line = state_->line;
  line.clear();
  if (state_->format == Format::json) {
    append_json_members(line, message, fields);
  } else {
    append_text_line(line, message, fields);
  }
  state_->logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace tantalus
