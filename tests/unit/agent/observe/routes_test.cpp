// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/routes.h"

#include <algorithm>
#include <set>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/fake_inspect.h"
#include "tests/support/json.h"

using namespace tantalus;
using test::FakeInspect;
using test::Json;

namespace {

constexpr Operator root{.pid = 42, .uid = 0};

HttpResponse ask(FakeInspect& daemon, const std::string& method, const std::string& target) {
  return answer_operator({method, target, "", true}, daemon, root);
}

Json parsed(const HttpResponse& response) {
  Json json(response.body);
  REQUIRE(json.is_whole());
  return json;
}

FakeInspect daemon_with_entries() {
  FakeInspect daemon;
  daemon.entries = {
      {"finance", "file", "domain", "", "db-password", ""}, {"finance", "file", "domain", "", "api-key", ""},
      {"sales", "file", "domain", "", "db-password", ""},   {"", "file", "global", "", "smtp", ""},
      {"sales", "vault", "domain", "main", "db", "user"},   {"sales", "vault", "domain", "main", "db", "password"},
  };
  daemon.entries.push_back({"sales", "vault", "domain", "main", "db", "password", 3});
  return daemon;
}

}  // namespace

TEST_CASE("health is told") {
  FakeInspect daemon;
  CHECK(ask(daemon, "GET", "/healthz").status == 200);
  CHECK(ask(daemon, "HEAD", "/healthz").status == 200);
}

TEST_CASE("readiness is 200 or 503 and lists the backends", "[trap-110]") {
  FakeInspect daemon;
  daemon.ready.backends = {
      {"file", "", "", Health::degraded, WallMillis(Millis(1'700'000'000'123)), "a.yaml:3:1: duplicate key"},
      {"vault", "finance", "main", Health::ok, std::nullopt, ""}};
  CHECK(ask(daemon, "GET", "/readyz").status == 200);
  daemon.ready.ready = false;
  const HttpResponse response = ask(daemon, "GET", "/readyz");
  CHECK(response.status == 503);
  const Json json = parsed(response);
  CHECK(json.at("ready") == "false");
  CHECK(json.at("backends/0/backend") == "file");
  CHECK(json.at("backends/0/state") == "degraded");
  CHECK(json.at("backends/0/since_at") == "1700000000123");
  CHECK(json.at("backends/0/why") == "a.yaml:3:1: duplicate key");
  CHECK(json.at("backends/1/domain") == "finance");
  CHECK(json.at("backends/1/id") == "main");
  CHECK(json.at("backends/1/since_at") == "null");
}

TEST_CASE("status has every field of the contract") {
  FakeInspect daemon;
  StatusReport& report = daemon.report;
  report.version = "0.1.0";
  report.commit = "abc";
  report.uptime = Millis(5);
  report.config = {"/etc/t.yaml", "aa", WallMillis(Millis(7)), "refused", "line 3"};
  report.memory = {"memfd_secret", 16, 8, 9};
  report.peer = "pidfd";
  report.audit = StatusReport::Audit{41, "ff"};
  report.hardening = {{"seccomp", true, "Unix sockets alone"}};
  const Json json = parsed(ask(daemon, "GET", "/v1/status"));
  for (const char* const path : {"version", "commit", "started_at", "uptime_ms", "config/path", "config/sha256",
                                 "loop_lag_us/p50", "loop_lag_us/p99", "memory/limit", "memory/used", "connections",
                                 "fds/open", "fds/limit", "audit/hash", "hardening/0/why"}) {
    INFO(path);
    CHECK(json.has(path));
  }
  CHECK(json.at("config/error") == "line 3");
  CHECK(json.at("config/loaded_at") == "7");
  CHECK(json.at("config/outcome") == "refused");
  CHECK(json.at("memory/kind") == "memfd_secret");
  CHECK(json.at("memory/peak") == "9");
  CHECK(json.at("peer") == "pidfd");
  CHECK(json.at("audit/seq") == "41");
  CHECK(json.at("hardening/0/step") == "seccomp");
  CHECK(json.at("hardening/0/in_force") == "true");

  report.audit.reset();
  report.config.error.clear();
  const Json quiet = parsed(ask(daemon, "GET", "/v1/status"));
  CHECK(quiet.at("audit") == "null");
  CHECK(quiet.at("config/error") == "null");
}

TEST_CASE("the cache is listed with every field of the contract") {
  FakeInspect daemon = daemon_with_entries();
  const Json json = parsed(ask(daemon, "GET", "/v1/cache?domain=sales&key=db-password"));
  REQUIRE(json.size("items") == 1);
  CHECK(json.at("items/0/domain") == "sales");
  CHECK(json.at("items/0/source") == "file");
  CHECK(json.at("items/0/scope") == "domain");
  CHECK(json.at("items/0/id").empty());
  CHECK(json.at("items/0/key") == "db-password");
  CHECK(json.at("items/0/version") == "41");
  CHECK(json.at("items/0/bytes") == "12");
  CHECK(json.at("items/0/age_ms") == "3");
  CHECK(json.at("items/0/ttl_ms") == "4");
  CHECK(json.at("items/0/state") == "fresh");
  CHECK(json.at("items/0/hits") == "7");
  CHECK(json.at("items/0/used_at") == "1700000000000");
  CHECK(json.at("next") == "null");
}

TEST_CASE("the cache's filters narrow what is listed") {
  FakeInspect daemon = daemon_with_entries();
  const auto count = [&](const std::string& query) {
    return parsed(ask(daemon, "GET", "/v1/cache" + query)).size("items");
  };
  CHECK(count("") == 7);
  CHECK(count("?domain=finance") == 2);
  CHECK(count("?source=vault") == 3);
  CHECK(count("?source=VAULT") == 3);
  CHECK(count("?scope=global") == 1);
  CHECK(count("?domain=") == 1);
  CHECK(count("?domain=finance&source=vault") == 0);
}

TEST_CASE("pages hold every entry once, in one order, whatever comes and goes between them") {
  FakeInspect daemon = daemon_with_entries();
  for (int i = 0; i < 500; ++i) {
    daemon.entries.push_back({"bulk", "file", "domain", "", "key-" + std::to_string(i), ""});
  }
  const std::string limit = GENERATE(as<std::string>(), "1", "2", "7", "100", "506", "507", "508", "1000");
  std::multiset<std::string> seen;
  std::string cursor;
  std::size_t pages = 0;
  do {
    const Json json =
        parsed(ask(daemon, "GET", "/v1/cache?limit=" + limit + (cursor.empty() ? "" : "&cursor=" + cursor)));
    const std::size_t size = json.size("items");
    CHECK(size <= std::stoul(limit));
    for (std::size_t i = 0; i < size; ++i) {
      const std::string item = "items/" + std::to_string(i) + "/";
      seen.insert(json.at(item + "domain") + "/" + json.at(item + "key") + "#" + json.at(item + "field"));
    }
    cursor = json.at("next") == "null" ? "" : json.at("next");
    if (++pages == 1 && limit == "7") {  // The hash map below is rebuilt, and an entry that was listed goes.
      std::reverse(daemon.entries.begin(), daemon.entries.end());
      std::erase_if(daemon.entries, [](const auto& entry) { return entry.key == "smtp"; });
    }
  } while (!cursor.empty());
  CHECK(seen.size() == 507);
  CHECK(seen.count("sales/db#password") == 2);  // Two versions of one.
  CHECK(seen.count("bulk/key-499#") == 1);
}

TEST_CASE("entries whose parts only together read the same are two") {
  FakeInspect daemon;
  daemon.entries = {{"a", "file", "domain", "", "b", "c"}, {"a", "file", "domain", "b", "", "c"}};
  CHECK(parsed(ask(daemon, "GET", "/v1/cache")).size("items") == 2);
}

TEST_CASE("a flush takes the same filters, and its operator is handed on", "[promise-9]") {
  FakeInspect daemon = daemon_with_entries();
  const HttpResponse response = ask(daemon, "DELETE", "/v1/cache?domain=finance&key=api-key");
  CHECK(response.status == 200);
  CHECK(response.body == R"({"flushed":1})");
  REQUIRE(daemon.flushes.size() == 1);
  CHECK(daemon.flushes[0].first.domain == "finance");
  CHECK(daemon.flushes[0].second.pid == 42);
  CHECK(ask(daemon, "DELETE", "/v1/cache").body == R"({"flushed":6})");
}

TEST_CASE("a flush that can't be audited is not done", "[promise-9]") {
  FakeInspect daemon = daemon_with_entries();
  daemon.audit_works = false;
  const HttpResponse response = ask(daemon, "DELETE", "/v1/cache");
  CHECK(response.status == 503);
  CHECK(parsed(response).at("error/code") == "unavailable");
  CHECK(daemon.entries.size() == 7);
}

TEST_CASE("a bad parameter is refused with 400 and named") {
  FakeInspect daemon = daemon_with_entries();
  const std::string query = GENERATE(as<std::string>(), "limit=0", "limit=1001", "limit=-1", "limit=ten",
                                     "limit=", "limit=99999999999999999999", "cursor=zz", "cursor=", "source=disk",
                                     "scope=all", "colour=red", "key=%", "limit=1&limit=2");
  const HttpResponse response = ask(daemon, "GET", "/v1/cache?" + query);
  CHECK(response.status == 400);
  const Json json = parsed(response);
  CHECK(json.at("error/code") == "invalid_request");
  CHECK_THAT(json.at("error/message"),
             Catch::Matchers::ContainsSubstring("parameter " + query.substr(0, query.find('='))));
}

TEST_CASE("a flush takes no page, and what has no parameters refuses them, flushing nothing") {
  FakeInspect daemon = daemon_with_entries();
  CHECK(ask(daemon, "DELETE", "/v1/cache?limit=1").status == 400);
  CHECK(ask(daemon, "DELETE", "/v1/cache?domian=finance").status == 400);
  CHECK(daemon.flushes.empty());
  CHECK(ask(daemon, "GET", "/v1/status?x=1").status == 400);
}

TEST_CASE("other paths are 404 and other methods 405 with Allow") {
  FakeInspect daemon;
  for (const char* const path : {"/", "/v1", "/v1/cache/", "/healthz/", "/HEALTHZ", "/v1/secrets", "*"}) {
    CHECK(ask(daemon, "GET", path).status == 404);
  }
  const HttpResponse post = ask(daemon, "POST", "/healthz");
  CHECK(post.status == 405);
  CHECK(post.allow == "GET, HEAD");
  CHECK(parsed(post).at("error/code") == "invalid_request");
  CHECK(ask(daemon, "DELETE", "/v1/status").status == 405);
  CHECK(ask(daemon, "PUT", "/v1/cache").allow == "GET, HEAD, DELETE");
}
