// SPDX-License-Identifier: Apache-2.0
#include "agent/config/units.h"

#include <chrono>
#include <string>

#include "tests/support/catch.h"

using namespace tantalus;
using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and one unit") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("90d") == 24h * 90);
  CHECK(parse_duration("0s") == 0ms);
  for (const char* wrong : {"", "5", "s", "5 s", " 5s", "5s ", "1.5s", "-5s", "+5s", "5S", "5sec", "1h30m", "0x5s",
                            "5us", "99999999999999999999s", "9223372036854775807s", "106751991168d", "\u0665s"}) {
    INFO(wrong);
    CHECK_FALSE(parse_duration(wrong));
  }
  CHECK(parse_duration("9223372036854775807ms") == Millis::max());
}

TEST_CASE("a size is a whole number and one unit of 1024") {
  CHECK(parse_size("0B") == 0U);
  CHECK(parse_size("512B") == 512U);
  CHECK(parse_size("64KiB") == 65'536U);
  CHECK(parse_size("16MiB") == 16'777'216U);
  CHECK(parse_size("2GiB") == 2'147'483'648U);
  for (const char* wrong : {"", "16", "16M", "16MB", "16mib", "1.5MiB", "-1B", "9223372036854775807KiB", "KiB"}) {
    INFO(wrong);
    CHECK_FALSE(parse_size(wrong));
  }
}

TEST_CASE("a share is 1% to 100%") {
  CHECK(parse_percent("1%") == 1U);
  CHECK(parse_percent("100%") == 100U);
  for (const char* wrong : {"", "%", "0%", "101%", "80", "80 %", "8.5%", "-1%", "4294967297%"}) {
    INFO(wrong);
    CHECK_FALSE(parse_percent(wrong));
  }
}

TEST_CASE("a rate is a number a second, and a burst where one is asked for") {
  CHECK(parse_per_second("1000/s") == 1000U);
  for (const char* wrong : {"1000", "/s", "1000/m", "1000 /s", "4294967296/s", "-1/s"}) {
    INFO(wrong);
    CHECK_FALSE(parse_per_second(wrong));
  }
  const auto rate = parse_rate("100/s burst 3000");
  REQUIRE(rate);
  CHECK(rate->per_second == 100);
  CHECK(rate->burst == 3000);
  for (const char* wrong : {"100/s", "100 burst 3000", "100/s burst", "100/s burst ", "100/s  burst 3000",
                            "100/s burst 3000/s", "100/s bursts 3000", "/s burst 1"}) {
    INFO(wrong);
    CHECK_FALSE(parse_rate(wrong));
  }
}

TEST_CASE("a mode is three octal digits, a zero before them or not") {
  CHECK(parse_mode("0666") == 0666U);
  CHECK(parse_mode("660") == 0660U);
  CHECK(parse_mode("0000") == 0U);
  for (const char* wrong : {"", "66", "0o666", "1666", "06666", "0668", "rw-rw-rw-"}) {
    INFO(wrong);
    CHECK_FALSE(parse_mode(wrong));
  }
}

TEST_CASE("what is printed is what is read") {
  for (const char* text : {"0s", "1ms", "250ms", "90s", "5m", "1h", "90d", "36h"}) {
    CHECK(format_duration(*parse_duration(text)) == text);
  }
  CHECK(format_duration(60s) == "1m");
  CHECK(format_duration(24h) == "1d");
  for (const char* text : {"0B", "1B", "1025B", "64KiB", "16MiB", "3GiB", "1536KiB"}) {
    CHECK(format_size(*parse_size(text)) == text);
  }
}
