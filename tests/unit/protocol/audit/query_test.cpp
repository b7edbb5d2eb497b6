// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/query.h"

#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/trail.h"

namespace tantalus {
namespace {

std::string a_trail() {
  AuditChain chain;
  std::string text;
  const auto add = [&](std::int64_t at, std::string_view key, std::string_view outcome, std::string_view pod,
                       std::optional<std::uint64_t> count) {
    AuditLine line;
    line.time = WallMicros(std::chrono::seconds(at));
    line.event = "resolve";
    line.outcome = outcome;
    line.domain = pod.starts_with("etl") ? "finance" : "sales";
    line.pod = pod;
    line.namespace_name = "spark";
    line.service_account = "runner";
    line.key = key;
    line.count = count;
    chain.append(text, line);
  };
  add(100, "a", "ok", "etl-0", std::nullopt);
  add(200, "b", "ok", "etl-0", 41);
  add(300, "a", "not_found", "web-0", std::nullopt);
  AuditLine stop;
  stop.time = WallMicros(std::chrono::seconds(400));
  stop.event = "stop";
  chain.append(text, stop);
  return text;
}

std::size_t kept(const AuditFilter& filter) {
  std::istringstream in(a_trail());
  std::size_t count = 0;
  CHECK(query_audit(in, filter, [&](std::string_view line) {
          CHECK(line.starts_with("{\"seq\":"));
          ++count;
        }) == 0);
  return count;
}

}  // namespace

TEST_CASE("a query keeps the lines that have all that is asked for") {
  CHECK(kept({}) == 4);
  CHECK(kept({.domain = "finance"}) == 2);
  CHECK(kept({.key = "a"}) == 2);
  CHECK(kept({.outcome = "ok"}) == 2);
  CHECK(kept({.key = "a", .outcome = "ok"}) == 1);
  CHECK(kept({.pod = "etl-0"}) == 2);
  CHECK(kept({.pod = "spark/etl-0"}) == 2);
  CHECK(kept({.pod = "other/etl-0"}) == 0);
  CHECK(kept({.since = WallMicros(std::chrono::seconds(200))}) == 3);
  CHECK(kept({.key = "a", .since = WallMicros(std::chrono::seconds(200))}) == 1);
  CHECK(kept({.key = ""}) == 0);
}

TEST_CASE("groups add up what lines count") {
  AuditGrouping grouping({}, AuditGroupBy::key);
  std::istringstream in(a_trail() + "no line\n");
  CHECK(grouping.read(in) == 1);
  const std::vector<AuditGroup> groups = grouping.groups();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].name == "a");
  CHECK(groups[0].count == 2);
  CHECK(groups[0].outcomes == std::map<std::string, std::uint64_t>{{"not_found", 1}, {"ok", 1}});
  CHECK(groups[0].first == WallMicros(std::chrono::seconds(100)));
  CHECK(groups[0].last == WallMicros(std::chrono::seconds(300)));
  CHECK(groups[1].name == "b");
  CHECK(groups[1].count == 41);
}

TEST_CASE("groups by pod and service account have the namespace in their names") {
  const auto names = [](AuditGroupBy by) {
    AuditGrouping grouping({}, by);
    std::istringstream in(a_trail());
    grouping.read(in);
    std::vector<std::string> all;
    for (const AuditGroup& group : grouping.groups()) {
      all.push_back(group.name);
    }
    return all;
  };
  CHECK(names(AuditGroupBy::pod) == std::vector<std::string>{"spark/etl-0", "spark/web-0"});
  CHECK(names(AuditGroupBy::service_account) == std::vector<std::string>{"spark/runner"});
  CHECK(names(AuditGroupBy::domain) == std::vector<std::string>{"finance", "sales"});
  CHECK(group_by_from_text("pod") == AuditGroupBy::pod);
  CHECK_FALSE(group_by_from_text("uid"));
}

TEST_CASE("since is a time or how long ago") {
  const WallMicros now(std::chrono::hours(1000));
  CHECK(parse_since("90s", now) == now - std::chrono::seconds(90));
  CHECK(parse_since("30m", now) == now - std::chrono::minutes(30));
  CHECK(parse_since("12h", now) == now - std::chrono::hours(12));
  CHECK(parse_since("7d", now) == now - std::chrono::hours(168));
  CHECK(parse_since("1970-01-02", now) == WallMicros(std::chrono::hours(24)));
  for (const char* wrong : {"", "d", "7", "7w", "-7d", "7d ", "99999999999d"}) {
    INFO(wrong);
    CHECK_FALSE(parse_since(wrong, now));
  }
}

}  // namespace tantalus
