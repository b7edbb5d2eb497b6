// SPDX-License-Identifier: Apache-2.0
// An audited answer allocates nothing: this executable counts what it asks of the heap.
#include "tests/support/alloc_counter.h"
#include "tests/support/audit_fixture.h"
#include "tests/support/catch.h"

namespace tantalus {

TEST_CASE("recording and writing allocate nothing once warm", "[trap-143]") {
  test::AuditFixture trail;
  SECTION("every answer a line") {
    trail.config.lines_per_second = 0;
  }
  SECTION("most answers counted") {
    trail.config.lines_per_second = 10;
  }
  trail.open();
  const std::string keys[] = {"a-key-that-is-longer-than-a-small-string", "another-key-that-is-longer-than-that"};
  trail.to_next_second();
  std::size_t allocations = 1;
  trail.in_turn([&] {
    allocations = allocations_once_warm(200, [&] {
      for (int i = 0; i < 100; ++i) {
        trail.resolve(trail.finance, keys[i % 2], i % 5 == 0 ? std::optional(Code::not_found) : std::nullopt);
      }
      check(trail.audit->flush(), "not written");
    });
  });
  CHECK(allocations == 0);
}

TEST_CASE("a second's counts allocate nothing once there were as many", "[trap-143]") {
  test::AuditFixture trail;
  trail.config.lines_per_second = 1;
  trail.open();
  const auto a_second = [&] {
    trail.to_next_second();
    const std::size_t before = heap_allocations();
    for (int i = 0; i < 500; ++i) {
      trail.resolve(trail.finance, i % 2 == 0 ? "a-key-that-is-longer-than-a-small-string" : "b");
      AuditRecord record{.event = AuditEvent::refuse, .failure = Code::overloaded, .who = &trail.sales};
      trail.audit->record(record);
    }
    check(trail.audit->flush(), "not written");
    return heap_allocations() - before;
  };
  a_second();
  a_second();
  CHECK(a_second() == 0);
}

}  // namespace tantalus
