// SPDX-License-Identifier: Apache-2.0
// What one side writes, the other reads to the same: requests and replies through the real cutter and readers.
#include <string>
#include <vector>

#include "protocol/frame.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/response.h"
#include "tests/support/catch.h"

namespace tantalus {
namespace {

constexpr SecretHead head{.key = "db-password",
                          .source = Source::vault,
                          .scope = Scope::domain,
                          .id = "main",
                          .version = "7",
                          .updated_at = WallMillis(Millis(1'700'000'000'123)),
                          .age = Millis(12),
                          .ttl = Millis(300'000),
                          .cached = true,
                          .stale = false};

/// Reads the one request in `out`; the views in the call are of `out`.
const Call& read_call(MessageReader& reader, const ReplyBuffer& out) {
  FrameCutter cutter(FrameCutter::Side::agent);
  const auto size = cutter.next(out);
  REQUIRE(size.has_value());
  REQUIRE(*size == out.size());
  REQUIRE(reader.read(out) == MessageReader::Kind::call);
  return reader.call();
}

response::Head read_head(const ReplyBuffer& out) {
  FrameCutter cutter(FrameCutter::Side::client);
  const auto size = cutter.next(out);
  REQUIRE(size.has_value());
  REQUIRE(*size == out.size());
  auto read = response::read(out);
  REQUIRE(read.has_value());
  return *read;
}

void append(ReplyBuffer& out, std::string_view bytes) {
  for (const char c : bytes) {
    out.push_back(static_cast<std::byte>(c));
  }
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("a resolve request is read as it was written") {
  MessageReader reader(256);
  ReplyBuffer out;
  const Reference reference{.key = "team/db",
                            .source = Source::vault,
                            .scope = Scope::global,
                            .id = "main",
                            .field = "password",
                            .version = 3};
  request::resolve(out, 0xffffffff, reference, Millis(0));
  const Call& call = read_call(reader, out);
  CHECK(call.msgid == 0xffffffff);
  CHECK(call.method == Method::resolve);
  CHECK(call.reference.key == "team/db");
  CHECK(call.reference.source == Source::vault);
  CHECK(call.reference.scope == Scope::global);
  CHECK(call.reference.id == "main");
  CHECK(call.reference.field == "password");
  CHECK(call.reference.version == 3);
  CHECK(call.max_age == Millis(0));
}

TEST_CASE("every method's request is read as it was written") {
  MessageReader reader(256);
  ReplyBuffer out;

  SECTION("hello with a token") {
    request::hello(out, 1, "tantalus/0.1", "e.y.J");
    const Call& call = read_call(reader, out);
    CHECK(call.method == Method::hello);
    CHECK(call.client == "tantalus/0.1");
    CHECK(call.protocol == 1);
    CHECK(call.token == "e.y.J");
  }
  SECTION("hello without one") {
    request::hello(out, 1, "x/1", std::nullopt);
    CHECK_FALSE(read_call(reader, out).token.has_value());
  }
  SECTION("resolve_many") {
    const Reference references[] = {{.key = "a"}, {.key = "b", .source = Source::file, .scope = Scope::admin}};
    request::resolve_many(out, 2, references, Millis(500));
    const Call& call = read_call(reader, out);
    REQUIRE(call.references.size() == 2);
    CHECK(call.references[0].reference.key == "a");
    CHECK(call.references[1].reference.key == "b");
    CHECK(call.references[1].reference.source == Source::file);
    CHECK(call.references[1].reference.scope == Scope::admin);
    CHECK_FALSE(call.references[0].error.has_value());
    CHECK(call.max_age == Millis(500));
  }
  SECTION("explain") {
    request::explain(out, 3, {.key = "a"});
    CHECK(read_call(reader, out).method == Method::explain);
    CHECK(reader.call().reference.key == "a");
  }
  SECTION("list, filtered") {
    request::list(out, 4, Scope::global, Source::vault);
    const Call& call = read_call(reader, out);
    CHECK(call.method == Method::list);
    CHECK(call.scope == Scope::global);
    CHECK(call.source == Source::vault);
  }
  SECTION("list of all") {
    request::list(out, 4, std::nullopt, std::nullopt);
    CHECK_FALSE(read_call(reader, out).scope.has_value());
  }
  SECTION("whoami") {
    request::whoami(out, 5);
    CHECK(read_call(reader, out).method == Method::whoami);
  }
  SECTION("subscribe") {
    const Reference references[] = {{.key = "a"}};
    request::subscribe(out, 6, references);
    CHECK(read_call(reader, out).references.size() == 1);
  }
  SECTION("ping") {
    request::ping(out, 7);
    CHECK(read_call(reader, out).method == Method::ping);
    CHECK(reader.call().msgid == 7);
  }
}

TEST_CASE("a secret's reply ends with the header of its value") {
  ReplyBuffer out;
  reply::secret(out, 9, head, 5);
  append(out, std::string_view("a\0b\xff"
                               "c",
                               5));
  const auto read = read_head(out);
  CHECK(read.msgid == 9);
  CHECK_FALSE(read.error.has_value());
  const auto secret = response::read_secret(read.result);
  REQUIRE(secret.has_value());
  CHECK(text_of(secret->value) == std::string("a\0b\xff"
                                              "c",
                                              5));
  CHECK(secret->key == "db-password");
  CHECK(secret->source == "vault");
  CHECK(secret->scope == "domain");
  CHECK(secret->id == "main");
  CHECK(secret->version == "7");
  CHECK(secret->updated_at == 1'700'000'000'123);
  CHECK(secret->age == 12);
  CHECK(secret->ttl == 300'000);
  CHECK(secret->cached);
  CHECK_FALSE(secret->stale);
}

TEST_CASE("texts of every length are written whole") {
  for (std::size_t size = 0; size < 600; ++size) {
    const std::string text(size, 'x');
    ReplyBuffer out;
    reply::error(out, 1, Error{Code::internal, text, Millis{0}});
    REQUIRE(read_head(out).error->message == text);
    out.clear();
    reply::batch_subscription(
        out, {.key = "k", .source = Source::file, .scope = Scope::domain, .id = text, .version = text}, true);
    const auto item = response::read_change(out);
    REQUIRE(item.has_value());
    REQUIRE(item->id == text);
    REQUIRE(item->version == text);
  }
}

TEST_CASE("an error's reply is read with its code, its message and when to retry") {
  ReplyBuffer out;
  reply::error(out, 4, Error{Code::unavailable, "the backend is down", Millis(1500)});
  const auto read = read_head(out);
  REQUIRE(read.error.has_value());
  CHECK(read.error->code == "unavailable");
  CHECK(read.error->message == "the backend is down");
  CHECK(read.error->retry_after == 1500);
}

TEST_CASE("a batch holds secrets and errors in order") {
  ReplyBuffer out;
  reply::batch(out, 2, 3);
  reply::batch_secret(out, head, 2);
  append(out, "v1");
  reply::batch_error(out, Error{Code::not_found, "no such secret", Millis{0}});
  reply::batch_secret(out, head, 0);
  const auto items = response::read_batch(read_head(out).result);
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 3);
  CHECK(text_of((*items)[0].secret->value) == "v1");
  CHECK((*items)[1].error->code == "not_found");
  CHECK_FALSE((*items)[1].secret.has_value());
  CHECK((*items)[2].secret->value.empty());
}

TEST_CASE("subscriptions tell what is there, what is not and what failed") {
  ReplyBuffer out;
  reply::batch(out, 2, 3);
  reply::batch_subscription(out, head, true);
  reply::batch_subscription(out, head, false);
  reply::batch_error(out, Error{Code::permission_denied, "no", Millis{0}});
  const auto items = response::read_subscriptions(read_head(out).result);
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 3);
  CHECK((*items)[0].version == "7");
  CHECK((*items)[0].id == "main");
  CHECK_FALSE((*items)[1].version.has_value());
  CHECK((*items)[2].error->code == "permission_denied");
}

TEST_CASE("a change is a notification") {
  ReplyBuffer out;
  reply::changed(out, head, true);
  const auto read = read_head(out);
  CHECK(read.is_notification);
  CHECK(read.method == "changed");
  const auto change = response::read_change(read.result);
  REQUIRE(change.has_value());
  CHECK(change->key == "db-password");
  CHECK(change->version == "7");
}

TEST_CASE("hello, whoami and explain are read as members, nested ones with dots") {
  ReplyBuffer out;
  const reply::Who who{.domain = "finance", .admin = false, .attested_by = "user", .uid = 1001, .gid = 7, .pid = 42};
  reply::hello(out, 1, "tantalusd/0.1", 1, &who,
               {.max_frame = 262144, .max_value = 1, .max_batch = 2, .max_inflight = 3});
  const auto members = response::read_members(read_head(out).result);
  REQUIRE(members.has_value());
  std::string all;
  for (const auto& member : *members) {
    all += member.name + "=" + member.text + "\n";
  }
  CHECK(all ==
        "agent=tantalusd/0.1\nprotocol=1\nidentity.domain=finance\nidentity.admin=false\nidentity.attested_by=user\n"
        "identity.uid=1001\nidentity.gid=7\nidentity.pid=42\nlimits.max_frame=262144\nlimits.max_value=1\n"
        "limits.max_batch=2\nlimits.max_inflight=3\n");
}

TEST_CASE("an unattested caller's hello has no identity") {
  ReplyBuffer out;
  reply::hello(out, 1, "a/1", 1, nullptr, {});
  const auto members = response::read_members(read_head(out).result);
  REQUIRE(members.has_value());
  CHECK((*members)[2].name == "identity");
  CHECK((*members)[2].kind == response::Member::Kind::nil);
}

TEST_CASE("a refusal's explanation is its decision and a hint, nothing else", "[promise-4]") {
  ReplyBuffer out;
  reply::explanation(
      out, 1, {.allowed = false, .rule = "identity.domains[2]", .backend_state = "ok", .found = true, .hint = "h"});
  const auto members = response::read_members(read_head(out).result);
  REQUIRE(members.has_value());
  REQUIRE(members->size() == 2);
  CHECK((*members)[0].text == "deny");
  CHECK((*members)[1].text == "h");
}

TEST_CASE("a catalog lists entries and the sources that can't be listed") {
  const Error down{Code::unavailable, "down", Millis(100)};
  const reply::CatalogLine lines[] = {{.key = "a",
                                       .source = Source::kubernetes,
                                       .scope = Scope::global,
                                       .id = {},
                                       .version = "12",
                                       .updated_by = "kubectl",
                                       .updated_at = WallMillis(Millis(5))},
                                      {.key = {},
                                       .source = Source::vault,
                                       .scope = Scope::domain,
                                       .id = "main",
                                       .version = {},
                                       .updated_by = {},
                                       .updated_at = {},
                                       .error = &down}};
  ReplyBuffer out;
  reply::catalog(out, 1, lines);
  const auto items = response::read_catalog(read_head(out).result);
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 2);
  CHECK((*items)[0].key == "a");
  CHECK((*items)[0].updated_by == "kubectl");
  CHECK((*items)[0].updated_at == 5);
  CHECK((*items)[1].id == "main");
  CHECK((*items)[1].error->retry_after == 100);
}

TEST_CASE("ping is answered with pong") {
  ReplyBuffer out;
  reply::pong(out, 1);
  CHECK(response::read_text(read_head(out).result).value() == "pong");
}

}  // namespace tantalus
