// SPDX-License-Identifier: Apache-2.0
#include "agent/config/names.h"

#include <string>

#include "tests/support/catch.h"

using namespace tantalus;

namespace {

void check_all(bool (*accepts)(std::string_view), std::initializer_list<std::string> right,
               std::initializer_list<std::string> wrong) {
  for (const std::string& text : right) {
    INFO(text);
    CHECK(accepts(text));
  }
  for (const std::string& text : wrong) {
    INFO(text);
    CHECK_FALSE(accepts(text));
  }
}

}  // namespace

TEST_CASE("names of Kubernetes are as its API server takes them") {
  check_all(is_dns_label, {"a", "0", "spark-jobs", std::string(63, 'a')},
            {"", "-a", "a-", "A", "a.b", "a_b", std::string(64, 'a')});
  check_all(is_dns_name, {"a", "a.b", "finance-team", std::string(253, 'a')},
            {"", ".", "a.", ".a", "a..b", "a.-b", "A", "a b", "a/b", std::string(254, 'a')});
  check_all(is_label_key, {"domain", "iomete.com/domain", "a/B_c.d", std::string(63, 'x')},
            {"", "/domain", "iomete.com/", "A.com/x", "a/b/c", "-a", "a-", "a b", std::string(64, 'x')});
  check_all(is_name_glob, {"*", "spark-*", "a.b", "*-jobs-*"}, {"", "Spark", "a?", "a b", "[a]", "a/b"});
}

TEST_CASE("a unit is a service or a scope") {
  check_all(is_unit_name, {"airflow.service", "session-1.scope", "getty@tty1.service", "a\\x2db.service"},
            {"", ".service", ".scope", "airflow", "airflow.slice", "a.socket", "a/b.service", "a b.service",
             "a*.service", std::string(255, 'a') + ".service"});
}

TEST_CASE("an account is a uid or a name") {
  check_all(is_account, {"0", "1000", "4294967294", "root", "_apt", "machine$", "a.b-c"},
            {"", "4294967295", "99999999999", "-1", "a b", "a:b", "$", "-a", "1000x y"});
}

TEST_CASE("a clean path is one that says where it leads") {
  check_all(is_clean_path, {"/", "/a", "/a/b.c/..d", "/a/...", "/with space"},
            {"", "a", "./a", "/a/", "//a", "/a//b", "/a/./b", "/a/../b", "/..", "/."});
}

TEST_CASE("an address of Vault is https, and nothing but a host, a port and a path") {
  check_all(is_https_address,
            {"https://vault.company.com", "https://vault.company.com/", "https://10.0.0.1:8200", "https://[::1]:8200",
             "https://[2001:db8::1]", "https://Vault.Company.com:443", "https://proxy.company.com/vault"},
            {"",
             "vault.company.com",
             "http://vault.company.com",
             "HTTPS://vault.company.com",
             "https://",
             "https://:8200",
             "https://user@vault.company.com",
             "https://u:p@vault.company.com",
             "https://vault.company.com?x=1",
             "https://vault.company.com#x",
             "https://vault.company.com:0",
             "https://vault.company.com:65536",
             "https://vault.company.com:",
             "https://::1",
             "https://[::1",
             "https://[vault]",
             "https://999.1.1.1",
             "https://1.2.3",
             "https://a b",
             "https://vault.company.com/../x",
             "https://vault.company.com/a//b",
             "https://vault.company.com/%2e%2e"});
}

TEST_CASE("a metrics address has a host and a port") {
  check_all(is_host_and_port, {"127.0.0.1:9464", "0.0.0.0:1", "[::]:65535", "localhost:9464"},
            {"", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:9464", "[::1]",
             "127.0.0.1:9464/metrics", "http://127.0.0.1:9464", "256.0.0.1:1", "a_b:1"});
}
