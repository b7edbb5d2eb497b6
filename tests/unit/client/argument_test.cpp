// SPDX-License-Identifier: Apache-2.0
#include "client/cli/argument.h"

#include "tests/support/catch.h"

using namespace tantalus::cli;

namespace {

/// The URI; `!` and why not; `-` for text that is no reference.
std::string found(std::string_view text) {
  const std::optional<Outcome<Argument>> reference = find_reference(text);
  if (!reference) {
    return "-";
  }
  return *reference ? (*reference)->uri : "!" + reference->error().why;
}

}  // namespace

TEST_CASE("the platform's forms mean what the platform means by them", "[client]") {
  CHECK(found(R"({"key": "db-password", "source": {"type": "KUBERNETES", "id": "finance"}})") ==
        "tantalus://kubernetes/db-password?id=finance");
  CHECK(found(R"({"source":{"id":"main","type":"VAULT"},"key":"team/db"})") == "tantalus://vault/team/db?id=main");
  CHECK(found(R"({"key":"k","source":{"type":"vault"},"more":[1,{"a":null}]})") == "tantalus://vault/k");
  CHECK(found(R"({"key":"k","source":{"type":"KUBERNETES","id":null}})") == "tantalus://kubernetes/k");
  CHECK(found("${secrets.API_KEY}") == "tantalus://kubernetes/API_KEY?scope=global");
  CHECK(found("tantalus:///k?optional=true") == "tantalus:///k?optional=true");
}

TEST_CASE("only a whole text is a reference", "[client][trap-133]") {
  for (const char* text :
       {"", "db-password", " tantalus:///k", "x${secrets.k}", "${secrets.k} ", "${secret.k}", "jdbc:tantalus:///k",
        R"({"key":"k"})", R"({"key":"k","source":"KUBERNETES"})", R"({"key":"k","source":{"type":"S3"}})",
        R"({"key":1,"source":{"type":"VAULT"}})", R"({"key":"k","source":{"type":"VAULT"}} x)",
        R"([{"key":"k","source":{"type":"VAULT"}}])", R"({"key":"k","source":{"type":"VAULT"})", "{}", "{"}) {
    INFO(text);
    CHECK(found(text) == "-");
  }
}

TEST_CASE("what has the form of a reference and is wrong is never taken for a plain value", "[client][trap-125]") {
  for (const char* text :
       {"tantalus://", "tantalus:k", "tantalus://s3/k", "tantalus:///a b", "${secrets.}", "${secrets.a/b}",
        R"({"key":"","source":{"type":"VAULT"}})", R"({"key":"../x","source":{"type":"VAULT"}})",
        R"({"key":"k","key":"l","source":{"type":"VAULT"}})",
        R"({"key":"k","source":{"type":"VAULT","type":"KUBERNETES"}})",
        R"({"key":"k","source":{"type":"VAULT","id":7}})"}) {
    INFO(text);
    CHECK_THAT(found(text), Catch::Matchers::StartsWith("!"));
  }
}

TEST_CASE("a bare key is completed by the short form's options", "[client]") {
  ShortForm form;
  Outcome<Argument> argument = read_argument("db-password", form);
  REQUIRE(argument);
  CHECK(argument->uri == "tantalus:///db-password");
  CHECK(argument->written == "db-password");
  form.source = "VAULT";
  form.id = "main";
  form.field = "user";
  form.version = 3;
  argument = read_argument("team/db", form);
  REQUIRE(argument);
  CHECK(argument->uri == "tantalus://vault/team/db?id=main&version=3#user");
  form.source = "cupboard";
  CHECK(read_argument("k", form).error().exit == exit_code::invalid_request);
  CHECK(read_argument("no such key!", ShortForm{}).error().exit == exit_code::invalid_request);
}

TEST_CASE("options of the short form that complete nothing are refused", "[client]") {
  ShortForm form;
  form.scope = "global";
  const std::vector<std::string> uri{"tantalus:///k"};
  const auto refused = read_arguments("get", uri, form, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == exit_code::usage);
  const std::vector<std::string> both{"tantalus:///k", "l"};
  const auto taken = read_arguments("get", both, form, true);
  REQUIRE(taken);
  CHECK((*taken)[0].uri == "tantalus:///k");
  CHECK((*taken)[1].uri == "tantalus:///l?scope=global");
}
