// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/line.h"

#include "protocol/audit/parse.h"
#include "tests/support/catch.h"
#include "tests/support/trail.h"

namespace tantalus {
namespace {

WallMicros at(std::int64_t micros) {
  return WallMicros(std::chrono::microseconds(micros));
}

AuditLine everything() {
  AuditLine line;
  line.time = at(1'785'500'123'000'456);
  line.event = "resolve";
  line.outcome = "ok";
  line.domain = "finance";
  line.admin = false;
  line.attested_by = "pod";
  line.pod = "etl-0";
  line.namespace_name = "spark";
  line.service_account = "etl";
  line.pod_uid = "f3b0";
  line.container = "main";
  line.unit = "a.service";
  line.uid = 1000;
  line.pid = 4242;
  line.exe = "/usr/bin/curl";
  line.source = "vault";
  line.scope = "domain";
  line.id = "main";
  line.key = "db-password";
  line.version = "7";
  line.cached = true;
  line.stale = false;
  line.age_ms = 12;
  line.took_us = 34;
  line.count = 56;
  return line;
}

}  // namespace

TEST_CASE("a line has its members in the documented order and ends with the hash of what precedes it", "[promise-9]") {
  AuditChain chain;
  std::string out;
  chain.append(out, everything());
  const std::string zeros(64, '0');
  const std::string hashed =
      R"({"seq":1,"time":"2026-07-31T12:15:23.000456Z","event":"resolve","outcome":"ok","domain":"finance",)"
      R"("admin":false,"attested_by":"pod","pod":"etl-0","namespace":"spark","service_account":"etl",)"
      R"("pod_uid":"f3b0","container":"main","unit":"a.service","uid":1000,"pid":4242,"exe":"/usr/bin/curl",)"
      R"("source":"vault","scope":"domain","id":"main","key":"db-password","version":"7","cached":true,)"
      R"("stale":false,"age_ms":12,"took_us":34,"count":56,"prev":")" +
      zeros + "\"";
  const std::string hash(view(Sha256().of(hashed)));
  CHECK(out == hashed + ",\"hash\":\"" + hash + "\"}\n");
  CHECK(view(chain.head().hash) == hash);
  CHECK(chain.head().seq == 1);
}

TEST_CASE("SHA-256 is that of FIPS 180-4, also of a reused context", "[promise-9]") {
  Sha256 sha256;
  for (int round = 0; round < 2; ++round) {
    CHECK(view(sha256.of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(view(sha256.of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }
}

TEST_CASE("what has no meaning is absent") {
  AuditChain chain;
  std::string out;
  AuditLine line;
  line.event = "stop";
  line.outcome = "ok";
  chain.append(out, line);
  CHECK(out.starts_with(R"({"seq":1,"time":"1970-01-01T00:00:00.000000Z","event":"stop","outcome":"ok","prev":")"));
}

TEST_CASE("a time keeps its microseconds across seconds, days and leap days") {
  AuditChain chain;
  std::string out;
  AuditLine line;
  line.event = "list";
  for (const std::int64_t micros : {1'709'164'799'999'999, 1'709'164'800'000'000, 1'709'164'800'000'001,
                                    1'709'251'199'000'010, 1'735'689'599'999'999}) {
    line.time = at(micros);
    chain.append(out, line);
  }
  const std::vector<std::string> lines = test::lines_of(out);
  CHECK_THAT(lines[0], Catch::Matchers::ContainsSubstring("\"2024-02-28T23:59:59.999999Z\""));
  CHECK_THAT(lines[1], Catch::Matchers::ContainsSubstring("\"2024-02-29T00:00:00.000000Z\""));
  CHECK_THAT(lines[2], Catch::Matchers::ContainsSubstring("\"2024-02-29T00:00:00.000001Z\""));
  CHECK_THAT(lines[3], Catch::Matchers::ContainsSubstring("\"2024-02-29T23:59:59.000010Z\""));
  CHECK_THAT(lines[4], Catch::Matchers::ContainsSubstring("\"2024-12-31T23:59:59.999999Z\""));
  CHECK(ParsedAuditLine::parse(lines[3])->time() == at(1'709'251'199'000'010));
}

TEST_CASE("whatever bytes a caller chose, a line is one line of ASCII and reads back", "[promise-9][trap-116]") {
  const auto written_as = [](std::string_view key) {
    AuditChain chain;
    std::string out;
    AuditLine line;
    line.event = "resolve";
    line.key = key;
    chain.append(out, line);
    REQUIRE(out.find('\n') == out.size() - 1);
    for (const char c : out.substr(0, out.size() - 1)) {
      REQUIRE((c >= 0x20 && c < 0x7f));
    }
    out.pop_back();
    const std::optional<ParsedAuditLine> parsed = ParsedAuditLine::parse(out);
    REQUIRE(parsed);
    CHECK(view(Sha256().of(parsed->hashed_bytes())) == parsed->hash());
    return std::pair(out, parsed->text("key").value_or("absent"));
  };
  using namespace std::string_literals;
  for (const std::string& key : {"a\"b"s, "a\\b"s, "a\nb\r\t"s, "a\x1b[2Jb"s, "a\0b"s, "\x7f"s, "gr\xc3\xbc\xc3\x9f"s,
                                 "\xe2\x80\xae"s, "\xf0\x9f\x94\x91"s, "\",\"hash\":\"x\"}\n{\"seq\":9"s}) {
    CHECK(written_as(key).second == key);
  }
  CHECK_THAT(written_as("\xf0\x9f\x94\x91").first, Catch::Matchers::ContainsSubstring(R"("key":"\ud83d\udd11")"));
  // What is no UTF-8: a lone byte, a cut sequence, an overlong form, a surrogate.
  for (const std::string& key :
       {"\xff"s, "\xc3"s, "\xc0\xaf"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s}) {
    CHECK_THAT(written_as(key).second, Catch::Matchers::ContainsSubstring("\xef\xbf\xbd"));
  }
}

TEST_CASE("a long text is cut and shows it, so a line's length is bounded", "[promise-9][trap-143]") {
  AuditChain chain;
  std::string out;
  const std::string hostile(256 * 1024, '\x01');
  AuditLine line = everything();
  line.key = hostile;
  line.exe = hostile;
  line.id = hostile;
  line.detail = hostile;
  chain.append(out, line);
  CHECK(out.size() < AuditChain::max_line / 4);
  CHECK_THAT(out, Catch::Matchers::ContainsSubstring(R"(\u0001\u2026","version")"));
}

TEST_CASE("a line that its chain did not write does not parse") {
  AuditChain chain;
  std::string good;
  chain.append(good, everything());
  good.pop_back();
  REQUIRE(ParsedAuditLine::parse(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(ParsedAuditLine::parse(std::string_view(good).substr(0, size)));
  }
  CHECK_FALSE(ParsedAuditLine::parse(good + " "));
  CHECK_FALSE(ParsedAuditLine::parse(" " + good));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return ParsedAuditLine::parse(text).has_value();
  };
  CHECK(with("\"uid\":1000", "\"uid\":1001"));  // Its hash tells, not its form.
  CHECK_FALSE(with("\"uid\":1000", "\"uid\":01000"));
  CHECK_FALSE(with("\"uid\":1000", "\"uid\":1e3"));
  CHECK_FALSE(with("\"uid\":1000", "\"uid\": 1000"));
  CHECK_FALSE(with("\"uid\":1000", "\"uid\":{}"));
  CHECK_FALSE(with("\"uid\":1000", "\"pid\":1000"));
  CHECK_FALSE(with("\"seq\":1", "\"sep\":1"));
  CHECK_FALSE(with("\"seq\":1", "\"seq\":-1"));
  CHECK_FALSE(with("finance", "fin\tance"));
  CHECK_FALSE(with("finance", "fin\\ance"));
  CHECK_FALSE(with("finance", "fin\\u12g4ance"));
}

TEST_CASE("times are read as RFC 3339 has them") {
  using std::chrono::microseconds;
  const auto micros = [](std::string_view text) {
    const std::optional<WallMicros> time = parse_time(text);
    return time ? time->time_since_epoch().count() : -1;
  };
  CHECK(micros("1970-01-02") == 86'400'000'000);
  CHECK(micros("1970-01-01T01:00") == 3'600'000'000);
  CHECK(micros("1970-01-01 01:00Z") == 3'600'000'000);
  CHECK(micros("1970-01-01T01:00:00.000001Z") == 3'600'000'001);
  CHECK(micros("1970-01-01T01:00:00.1234567+01:00") == 123'456);
  CHECK(micros("1970-01-01T00:30:00-00:30") == 3'600'000'000);
  for (const char* wrong :
       {"", "1970", "1970-13-01", "1970-02-30", "1970-01-01T", "1970-01-01T24:00", "1970-01-01T1:00",
        "1970-01-01T01:00:00.", "1970-01-01T01:00+1", "1970-01-01T01:00Zx", "1970-01-01x"}) {
    INFO(wrong);
    CHECK_FALSE(parse_time(wrong));
  }
}

}  // namespace tantalus
