// SPDX-License-Identifier: Apache-2.0
#include "protocol/reference.h"

#include <random>
#include <string>

#include "protocol/limits.h"
#include "protocol/utf8.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace tantalus {
namespace {

using Catch::Matchers::ContainsSubstring;

bool is_key(std::string_view key, Source source) {
  return validate(Reference{.key = key}, source).has_value();
}

std::string refusal(std::string_view uri) {
  const auto reference = reference_from_uri(uri);
  return reference ? "" : reference.error().message;
}

bool same(const Reference& a, const Reference& b) {
  return a.key == b.key && a.source == b.source && a.scope == b.scope && a.id == b.id && a.field == b.field &&
         a.version == b.version;
}

}  // namespace

TEST_CASE("sources are read in either case and written in lower case, scopes in lower case alone") {
  CHECK(source_from_text("kubernetes") == Source::kubernetes);
  CHECK(source_from_text("KUBERNETES") == Source::kubernetes);
  CHECK(source_from_text("Vault") == Source::vault);
  CHECK(source_from_text("file") == Source::file);
  CHECK_FALSE(source_from_text("").has_value());
  CHECK_FALSE(source_from_text("vaults").has_value());
  CHECK_FALSE(source_from_text("vault ").has_value());
  CHECK(to_text(Source::kubernetes) == "kubernetes");
  for (const Scope scope : {Scope::domain, Scope::global, Scope::admin}) {
    CHECK(scope_from_text(to_text(scope)) == scope);
  }
  CHECK_FALSE(scope_from_text("Global").has_value());
  CHECK_FALSE(scope_from_text("").has_value());
}

TEST_CASE("a key is 1 to 253 characters of its alphabet") {
  for (const Source source : {Source::kubernetes, Source::vault, Source::file}) {
    CHECK(is_key("a", source));
    CHECK(is_key("AZaz09-._", source));
    CHECK(is_key(".hidden", source));
    CHECK(is_key("a..b", source));
    CHECK(is_key("a..", source));
    CHECK(is_key("...", Source::vault));
    CHECK(is_key(std::string(253, 'k'), source));
    CHECK_FALSE(is_key(std::string(254, 'k'), source));
    for (const std::string_view bad : {"", "a b", "a%2eb", "a\\b", "a:b", "a~", "\xc3\xa9", "a\n", "a?b", "a#b"}) {
      CHECK_FALSE(is_key(bad, source));
    }
    CHECK_FALSE(is_key(std::string_view("a\0b", 3), source));
  }
}

TEST_CASE("a Vault key may have segments, none of them empty or of dots", "[trap-83]") {
  CHECK(is_key("team/db/password", Source::vault));
  CHECK(is_key("a/.hidden/..b", Source::vault));
  for (const std::string_view bad :
       {"a/../../sys/x", "../x", "a/..", "a/.", "./a", "..", ".", "/a", "a/", "a//b", "/"}) {
    INFO(bad);
    CHECK_FALSE(is_key(bad, Source::vault));
  }
}

TEST_CASE("a key of a store object has no slash and is no dot name") {
  for (const Source source : {Source::kubernetes, Source::file}) {
    for (const std::string_view bad : {"a/b", ".", "..", "..a"}) {
      INFO(bad);
      CHECK_FALSE(is_key(bad, source));
    }
  }
}

TEST_CASE("Vault has versions and the domain scope alone; elsewhere there are no versions") {
  CHECK(validate({.key = "k", .version = 3}, Source::vault).has_value());
  CHECK(validate({.key = "k", .version = 3}, Source::kubernetes).error().code == Code::invalid_request);
  CHECK(validate({.key = "k", .version = 3}, Source::file).error().code == Code::invalid_request);
  CHECK(validate({.key = "k", .version = 0}, Source::file).has_value());
  CHECK(validate({.key = "k", .scope = Scope::global}, Source::kubernetes).has_value());
  CHECK(validate({.key = "k", .scope = Scope::global}, Source::vault).error().code == Code::invalid_request);
  CHECK(validate({.key = "k", .scope = Scope::admin}, Source::vault).error().code == Code::invalid_request);
}

TEST_CASE("an id and a field are UTF-8 within their lengths") {
  CHECK(validate({.key = "k", .id = "main", .field = "Schl\xc3\xbcssel"}, Source::file).has_value());
  CHECK_FALSE(validate({.key = "k", .id = "\xff"}, Source::file).has_value());
  CHECK_FALSE(validate({.key = "k", .field = "\xc0\x80"}, Source::file).has_value());
  CHECK_FALSE(validate({.key = "k", .id = std::string(limits::max_id + 1, 'x')}, Source::file).has_value());
  CHECK_FALSE(validate({.key = "k", .field = std::string(limits::max_field + 1, 'x')}, Source::file).has_value());
}

TEST_CASE("a URI gives every part of a reference") {
  const auto reference = reference_from_uri("tantalus://VAULT/team/db?id=main&version=3#pass%20word");
  REQUIRE(reference.has_value());
  CHECK(reference->source == Source::vault);
  CHECK(reference->key == "team/db");
  CHECK(reference->id == "main");
  CHECK(reference->version == 3);
  CHECK(reference->field == "pass word");
  CHECK_FALSE(reference->optional);
  CHECK_FALSE(reference->default_value.has_value());

  const auto bare = reference_from_uri("tantalus:///smtp-company-password?scope=global");
  REQUIRE(bare.has_value());
  CHECK_FALSE(bare->source.has_value());
  CHECK(bare->key == "smtp-company-password");
  CHECK(bare->scope == Scope::global);

  const auto fallback = reference_from_uri("tantalus://file/k?optional=true&default=a%26b%3D%23+%C3%A9");
  REQUIRE(fallback.has_value());
  CHECK(fallback->optional);
  CHECK(fallback->default_value == "a&b=#+\xc3\xa9");

  CHECK(reference_from_uri("tantalus://file/k?default=")->default_value == "");
  CHECK_FALSE(reference_from_uri("tantalus://file/k?optional=false")->optional);
  CHECK(reference_from_uri("tantalus://file/%6b%2D")->key == "k-");
  CHECK(reference_from_uri("tantalus:///a/b")->key == "a/b");
}

TEST_CASE("a URI that is none is refused, and what is wrong is named") {
  const auto [uri, says] = GENERATE(table<std::string, std::string>({
      {"", "begins with tantalus://"},
      {"db-password", "begins with tantalus://"},
      {"vault://vault/k", "begins with tantalus://"},
      {" tantalus://file/k", "begins with tantalus://"},
      {"tantalus:/file/k", "begins with tantalus://"},
      {"tantalus://file", "tantalus://SOURCE/KEY"},
      {"tantalus://", "tantalus://SOURCE/KEY"},
      {"tantalus://file/", "`key` must have"},
      {"tantalus://etcd/k", "`etcd`"},
      {"tantalus://user@file/k", "`user@file`"},
      {"tantalus://file/k?sorce=x", "unknown name `sorce`"},
      {"tantalus://file/k?Scope=global", "unknown name `Scope`"},
      {"tantalus://file/k?", "unknown name ``"},
      {"tantalus://file/k?scope=global&", "unknown name ``"},
      {"tantalus://file/k?scope=global&scope=global", "`scope` stands twice"},
      {"tantalus://file/k?default=a&default=b", "`default` stands twice"},
      {"tantalus://file/k?scope=all", "`scope` is"},
      {"tantalus://file/k?scope", "`scope` is"},
      {"tantalus://file/k?id=", "`id` is empty"},
      {"tantalus://vault/k?version=x", "`version` is a number"},
      {"tantalus://vault/k?version=", "`version` is a number"},
      {"tantalus://vault/k?version=-1", "`version` is a number"},
      {"tantalus://vault/k?version=+1", "`version` is a number"},
      {"tantalus://vault/k?version=1%20", "`version` is a number"},
      {"tantalus://vault/k?version=4294967296", "`version` is a number"},
      {"tantalus://file/k?version=1", "`version`"},
      {"tantalus://vault/k?scope=global", "`scope`"},
      {"tantalus://file/k?optional=yes", "`optional` is"},
      {"tantalus://file/k?optional", "`optional` is"},
      {"tantalus://file/k#", "`field`, after the `#`, is empty"},
      {"tantalus://file/k%", "a `%` without"},
      {"tantalus://file/k%2", "a `%` without"},
      {"tantalus://file/k%2g", "a `%` without"},
      {"tantalus://file/k?id=%zz", "`id`: a `%` without"},
      {"tantalus://file/k#%e", "`field`: a `%` without"},
      {"tantalus://file/k?default=%ff", "`default`: not UTF-8"},
      {"tantalus://file/k?default=a b", "`default`: spaces"},
      {"tantalus://file/k\n", "`key`: spaces"},
      {"tantalus://vault/a/../b", "dot segment"},
      {"tantalus://vault/a%2f..%2fb", "dot segment"},
      {"tantalus://vault/%2e%2e/b", "dot segment"},
      {"tantalus://vault//a", "empty segment"},
      {"tantalus:///a/../b", "dot segment"},
      {"tantalus:///..", "dot segment"},
      {"tantalus://file/a%00b", "`key` holds something"},
      {"tantalus://file/" + std::string(limits::max_uri, 'k'), "longer than"},
  }));
  INFO(uri);
  REQUIRE_FALSE(refusal(uri).empty());
  CHECK_THAT(refusal(uri), ContainsSubstring(says));
}

TEST_CASE("a refused URI's default is never repeated", "[promise-7]") {
  for (const std::string_view uri :
       {"tantalus://file/k?default=c4n4ry%", "tantalus://file/k?default=c4n4ry&default=c4n4ry",
        "tantalus://file/k?default=c4n4ry%ff", "tantalus://file/k?optional=c4n4ry",
        "tantalus://file/k?default=c4n4ry&x"}) {
    REQUIRE_FALSE(refusal(uri).empty());
    CHECK_THAT(refusal(uri), !ContainsSubstring("c4n4ry"));
  }
}

TEST_CASE("a reference written as a URI is read back to the same") {
  const auto seed = test_seed();
  INFO("TANTALUS_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto text = [&](std::string_view alphabet, std::size_t most) {
    std::string out;
    for (std::size_t i = 0; i < 1 + below(most); ++i) {
      out += alphabet[below(alphabet.size())];
    }
    return out;
  };
  constexpr std::string_view alphabet = "abcXYZ019-._";
  constexpr std::string_view any = "ab /?#&=%+:@;,\"'\\<>{}|^`~\n\t\x01";

  for (int round = 0; round < 2000; ++round) {
    const auto source = static_cast<Source>(below(3));
    std::string key = text(alphabet, 20);
    if (source == Source::vault && below(2) == 0) {
      key += "/" + text(alphabet, 5) + "/" + text("abc", 5);
    }
    const std::string id = below(2) == 0 ? text(any, 12) + "\xc3\xa9" : "";
    const std::string field = below(2) == 0 ? text(any, 12) + "\xe2\x82\xac" : "";
    const Reference reference{.key = key,
                              .source = below(3) == 0 ? std::nullopt : std::optional(source),
                              .scope = source == Source::vault ? Scope::domain : static_cast<Scope>(below(3)),
                              .id = id,
                              .field = field,
                              .version = source == Source::vault ? static_cast<std::uint32_t>(random()) : 0};
    if (!validate(reference, source)) {
      continue;
    }
    const std::string uri = to_uri(reference);
    INFO(uri);
    const auto read = reference_from_uri(uri);
    REQUIRE(read.has_value());
    REQUIRE(same(read->view(), reference));
    REQUIRE(to_uri(read->view()) == uri);
  }
}

}  // namespace tantalus
