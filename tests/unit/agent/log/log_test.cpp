// SPDX-License-Identifier: Apache-2.0
#include "agent/log/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "agent/log/line.h"
#include "tests/support/alloc_counter.h"
#include "tests/support/catch.h"

using namespace tantalus;
using namespace std::chrono_literals;

namespace {

class Pipe {
 public:
  Pipe() { REQUIRE(::pipe2(fds_.data(), O_CLOEXEC | O_NONBLOCK) == 0); }
  ~Pipe() {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int in() const { return fds_[1]; }
  [[nodiscard]] std::string take() const {
    std::string all;
    std::array<char, 4096> bytes;
    for (ssize_t n = 0; (n = ::read(fds_[0], bytes.data(), bytes.size())) > 0;) {
      all.append(bytes.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  std::array<int, 2> fds_{};
};

std::string text(std::string_view message, Log::Fields fields = {}) {
  std::string out;
  append_text_line(out, message, fields);
  return out;
}

std::string json(std::string_view message, Log::Fields fields = {}) {
  std::string out;
  append_json_members(out, message, fields);
  return out;
}

}  // namespace

TEST_CASE("a text line has its time, its level, its message and its fields") {
  const Pipe pipe;
  Log log(Log::Level::info, Log::Format::text, pipe.in());
  log.warning("audit can't be written",
              {{"path", "/var/log/a b"}, {"errno", 28}, {"healthy", false}, {"since_ms", Millis(1500)}, {"none", ""}});
  const std::string line = pipe.take();
  REQUIRE(line.size() > 25);
  CHECK(line.substr(4, 1) == "-");
  CHECK(line.substr(23, 2) == "Z ");
  CHECK(line.substr(25) ==
        "warning audit can't be written path=\"/var/log/a b\" errno=28 healthy=false since_ms=1500 none=\"\"\n");
}

TEST_CASE("a JSON line is one object") {
  const Pipe pipe;
  Log log(Log::Level::debug, Log::Format::json, pipe.in());
  log.debug("said \"hi\"", {{"key", "a=b"}, {"count", std::uint64_t{18446744073709551615U}}});
  const std::string line = pipe.take();
  CHECK(line.starts_with("{\"time\":\"2"));
  CHECK(line.ends_with(
      "Z\",\"level\":\"debug\",\"message\":\"said \\\"hi\\\"\",\"key\":\"a=b\",\"count\":18446744073709551615}\n"));
}

TEST_CASE("a peer's bytes can't forge a line, a field or a terminal's state", "[trap-116]") {
  CHECK(text("a\nb\r\tc\\d") == "a\\nb\\r\\tc\\\\d");
  CHECK(text("\x1b[31m\x7f") == "\\u001b[31m\\u007f");
  CHECK(text(std::string_view("nul\0here", 8)) == "nul\\u0000here");
  CHECK(text("\xc2\x85") == "\\u0085");                           // NEL, a line end of Latin-1.
  const std::string reorders = std::string("\xe2\x80") + "\xae";  // In one literal, compilers warn of it.
  CHECK(text("\xe2\x80\xa8" + reorders) == "\\u2028\\u202e");
  CHECK(text("\xff\xc3(") == "\\xff\\xc3(");  // No UTF-8.
  CHECK(text("grüße 🔑") == "grüße 🔑");
  CHECK(text("m", {{"k", "x\" admin=true"}}) == "m k=\"x\\\" admin=true\"");
  CHECK(text("m", {{"k", "x\nadmin=true"}}) == "m k=\"x\\nadmin=true\"");
  CHECK(json("a\nb\x1b\xff", {{"k\"", "\x01"}}) == "\"message\":\"a\\nb\\u001b\\ufffd\",\"k\\\"\":\"\\u0001\"");
}

TEST_CASE("a line has an end, however long the message is") {
  const std::string endless(100'000, 'x');
  CHECK(text(endless).size() <= max_log_line + 3);
  CHECK(text("m", {{"a", endless}, {"b", endless}}).size() <= max_log_line + 5);
  const std::string escapes(100'000, '\n');
  const std::string cut = json(escapes, {{"k", "v"}});
  CHECK(cut.size() <= max_log_line + 8);
  CHECK(cut.ends_with("…\""));
}

TEST_CASE("what is under the level is neither written nor formatted, and `off` is silent") {
  const Pipe pipe;
  Log log(Log::Level::warning, Log::Format::text, pipe.in());
  const std::size_t before = heap_allocations();
  log.info("no", {{"key", "value"}});
  log.debug("no");
  CHECK(heap_allocations() == before);
  CHECK(pipe.take().empty());
  CHECK_FALSE(log.is_on(Log::Level::info));
  log.set_level(Log::Level::debug);
  log.debug("yes");
  CHECK_FALSE(pipe.take().empty());
  log.set_level(Log::Level::off);
  log.error("no");
  CHECK(pipe.take().empty());
}

TEST_CASE("a log line allocates nothing once the log is warm") {
  const Pipe pipe;
  Log log(Log::Level::info, Log::Format::json, pipe.in());
  for (int i = 0; i < 3; ++i) {
    log.info("a message of usual length, with some fields", {{"path", "/etc/tantalus/tantalusd.yaml"}, {"n", i}});
  }
  const std::size_t before = heap_allocations();
  log.info("a message of usual length, with some fields", {{"path", "/etc/tantalus/tantalusd.yaml"}, {"n", 4}});
  CHECK(heap_allocations() == before);
}

TEST_CASE("a full pipe drops lines and does not stop the agent") {
  const Pipe pipe;
  Log log(Log::Level::info, Log::Format::text, pipe.in());
  for (int i = 0; i < 10'000; ++i) {
    log.info("a line that nobody reads");
  }
  CHECK(pipe.take().size() <= 1U << 20U);
  log.set_format(Log::Format::json);
  log.info("and goes on");
  CHECK(pipe.take().find("and goes on") != std::string::npos);
}

TEST_CASE("a repeated warning is let through once an interval, with the number of those held back") {
  RepeatLimit limit(10s);
  const Instant start{};
  CHECK(limit.admit(start) == 0);
  CHECK_FALSE(limit.admit(start + 1s));
  CHECK_FALSE(limit.admit(start + 9999ms));
  CHECK(limit.admit(start + 10s) == 2);
  CHECK_FALSE(limit.admit(start + 11s));
  CHECK(limit.admit(start + 1h) == 1);
}
