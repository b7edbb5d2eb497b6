// SPDX-License-Identifier: Apache-2.0
#include "cache/grant.h"

#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/grant_maker.h"

namespace tantalus {
namespace {

TEST_CASE("a stored grant is the grant, with strings of its own", "[promise-1]") {
  std::string object = "finance";
  std::string key = "db-password";
  std::string field = "value";
  Policy::Fields fields{.domain = DomainId{7},
                        .source = Source::vault,
                        .scope = Scope::domain,
                        .integration = IntegrationId{3},
                        .version = 4,
                        .object = object,
                        .key = key,
                        .field = field};
  const StoredGrant stored(Policy::grant(fields));
  object = "zzzzzzz";
  key.assign(20, 'z');
  field.clear();
  const Grant view = stored.view();
  CHECK(view.domain == DomainId{7});
  CHECK(view.source == Source::vault);
  CHECK(view.integration == IntegrationId{3});
  CHECK(view.version == 4);
  CHECK(view.object == "finance");
  CHECK(view.key == "db-password");
  CHECK(view.field == "value");
}

TEST_CASE("a place is the same for every field, version, domain and scope of a key, and for no other key",
          "[promise-1]") {
  const auto hash = [](std::string_view object, std::string_view key, Source source = Source::vault, unsigned by = 1) {
    return place_hash(source, IntegrationId{by}, object, key);
  };
  CHECK(hash("finance", "a") == hash("finance", "a"));
  CHECK(hash("finance", "a") != hash("finance", "b"));
  CHECK(hash("financ", "ea") != hash("finance", "a"));
  CHECK(hash("", "financea") != hash("finance", "a"));
  CHECK(hash("finance", "a") != hash("finance", "a", Source::file));
  CHECK(hash("finance", "a") != hash("finance", "a", Source::vault, 2));
}

TEST_CASE("hashes spread over the buckets of a table, whatever the names have in common", "[promise-11]") {
  std::vector<int> buckets(1024);
  for (int i = 0; i < 8192; ++i) {
    // Names that differ in one character, or in length alone.
    const std::string key =
        i % 2 == 0 ? std::string(100, 'k') + std::to_string(i) : std::string(static_cast<std::size_t>(i), 'k');
    ++buckets[place_hash(Source::kubernetes, IntegrationId::none, "finance", key) % buckets.size()];
  }
  int most = 0;
  for (const int count : buckets) {
    most = std::max(most, count);
  }
  CHECK(most < 32);  // 8 are to be expected; 32 come by chance in one of a billion runs.
}

}  // namespace
}  // namespace tantalus
