// SPDX-License-Identifier: Apache-2.0
#include "cache/secret.h"

#include <csignal>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus {
namespace {

using test::any_kind;
using test::is_in;
using test::make_arena;

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_copy_constructible_v<SecretWriter> && !std::is_copy_assignable_v<SecretWriter>);
static_assert(!std::is_convertible_v<Secret, std::string_view> && !std::is_default_constructible_v<Secret>);

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const Secret& secret) {
  const auto bytes = secret.expose();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Secret secret_of(Arena& arena, std::string_view text) {
  auto writer = SecretWriter::make(arena, text.size());
  REQUIRE(writer.has_value());
  REQUIRE(writer->append(bytes_of(text)).has_value());
  return std::move(*writer).freeze();
}

TEST_CASE("a value lives as long as its last handle, and is wiped with it", "[promise-5][trap-57]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  const std::string_view text = "s3cr3t-of-the-arena";
  std::optional<Secret> first = secret_of(*arena, text);
  std::optional<Secret> second = first->share();
  CHECK(first->expose().data() == second->expose().data());
  CHECK(arena->usage().blocks == 1);
  CHECK(arena->owns(first->expose().data()));
  first.reset();
  CHECK(text_of(*second) == text);
  CHECK(is_in(arena->range(), text));
  second.reset();
  CHECK(arena->usage().blocks == 0);
  CHECK_FALSE(is_in(arena->range(), text));
}

TEST_CASE("a moved handle is empty", "[trap-60]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  Secret one = secret_of(*arena, "one");
  Secret two = secret_of(*arena, "two");
  two = std::move(one);
  CHECK(text_of(two) == "one");
  CHECK(arena->usage().blocks == 1);
  Secret& itself = two;
  two = std::move(itself);
  CHECK(text_of(two) == "one");
  const auto ended = test::in_child([](int) {
    auto own = make_arena(Arena::Kind::mlock, 64 * 1024);
    auto writer = SecretWriter::make(*own, 3);
    Secret from = std::move(*writer).freeze();
    const Secret to = std::move(from);
    return static_cast<int>(from.expose().size());
  });
  CHECK(ended.killed_by(SIGABRT));
}

TEST_CASE("values of every size come back as they were", "[promise-5]") {
  auto arena = make_arena(any_kind(), 4096 * 1024);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{1000},
                                 std::size_t{4096}, std::size_t{1024 * 1024}}) {
    CAPTURE(size);
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
      text[i] = static_cast<char>(i * 31);
    }
    const Secret secret = secret_of(*arena, text);
    CHECK(secret.size() == size);
    CHECK(text_of(secret) == text);
    CHECK(arena->usage().used == secret.cost());
  }
}

TEST_CASE("a writer that grows leaves nothing where it was", "[trap-57][trap-58]") {
  auto arena = make_arena(any_kind(), 1024 * 1024);
  const std::string_view canary = "canary-in-the-first-block";
  auto writer = SecretWriter::make(*arena, canary.size());
  REQUIRE(writer.has_value());
  REQUIRE(writer->append(bytes_of(canary)).has_value());
  const std::byte* before = writer->room().data();
  std::string expected(canary);
  for (int i = 0; i < 300; ++i) {
    const std::string part(static_cast<std::size_t>(i) % 40, static_cast<char>('a' + i % 26));
    REQUIRE(writer->append(bytes_of(part)).has_value());
    expected += part;
  }
  CHECK(writer->room().data() != before);
  Secret secret = std::move(*writer).freeze();
  CHECK(text_of(secret) == expected);
  CHECK(arena->usage().blocks == 1);
  // The one that holds the value, and no other.
  const auto range = arena->range();
  const auto at = static_cast<std::size_t>(secret.expose().data() - range.data());
  CHECK_FALSE(is_in(range.first(at), canary));
  CHECK_FALSE(is_in(range.subspan(at + 1), canary));
}

TEST_CASE("what is cut off a value is wiped", "[trap-58]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  const std::string_view tail = "the tail that nobody asked for";
  SECTION("in the same block") {
    auto writer = SecretWriter::make(*arena, 1000);
    std::memcpy(writer->room().data() + 960, tail.data(), tail.size());
    writer->set_size(960);
    const Secret secret = std::move(*writer).freeze();
    CHECK(secret.size() == 960);
    CHECK_FALSE(is_in(arena->range(), tail));
  }
  SECTION("in a block that was much too large") {
    auto writer = SecretWriter::make(*arena, 100'000);
    std::memcpy(writer->room().data(), "value", 5);
    std::memcpy(writer->room().data() + 50'000, tail.data(), tail.size());
    writer->set_size(5);
    const Secret secret = std::move(*writer).freeze();
    CHECK(text_of(secret) == "value");
    CHECK(secret.cost() < 100);
    CHECK(arena->usage().used == secret.cost());
    CHECK_FALSE(is_in(arena->range(), tail));
  }
}

TEST_CASE("what is not frozen is wiped", "[promise-5]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  const std::string_view text = "half of a value";
  {
    auto writer = SecretWriter::make(*arena, 64);
    REQUIRE(writer->append(bytes_of(text)).has_value());
    SecretWriter moved = std::move(*writer);
    auto other = SecretWriter::make(*arena, 64);
    *other = std::move(moved);
    CHECK(arena->usage().blocks == 1);
    CHECK(is_in(arena->range(), text));
  }
  CHECK(arena->usage().blocks == 0);
  CHECK_FALSE(is_in(arena->range(), text));
}

TEST_CASE("sizes that can't be are overloaded, not wrapped", "[trap-59]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  for (const std::size_t capacity :
       {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() - 31, std::size_t{0xffffffff},
        std::size_t{0xffffffe0}, std::size_t{1} << 32, std::size_t{64 * 1024}}) {
    CAPTURE(capacity);
    const auto writer = SecretWriter::make(*arena, capacity);
    REQUIRE_FALSE(writer.has_value());
    CHECK(writer.error().code == Code::overloaded);
  }
  CHECK(arena->usage().blocks == 0);
  const auto ended = test::in_child([](int) {
    auto own = make_arena(Arena::Kind::mlock, 64 * 1024);
    auto writer = SecretWriter::make(*own, 10);
    writer->set_size(11);
    return 0;
  });
  CHECK(ended.killed_by(SIGABRT));
}

TEST_CASE("wherever locked memory ends, a value is whole or overloaded", "[promise-11][promise-14]") {
  const auto kind = any_kind();
  const std::string part(700, 'p');
  int whole = 0;
  int refused = 0;
  // A little more room each time, so that every allocation on the way is the one that fails once.
  for (std::size_t room = 0; room < 40; ++room) {
    auto arena = make_arena(kind, 160 * 1024);
    std::vector<void*> others;
    while (void* block = arena->allocate_without_reclaim(4000)) {
      others.push_back(block);
    }
    for (std::size_t i = 0; i < room && !others.empty(); ++i) {
      arena->free(others.back());
      others.pop_back();
    }
    const std::size_t before = arena->usage().blocks;
    {
      auto writer = SecretWriter::make(*arena, 64);
      std::size_t written = 0;
      bool failed = !writer;
      while (!failed && written < 40) {
        failed = !writer->append(bytes_of(part));
        written += failed ? 0 : 1;
        // What was written stays, whatever fails.
        REQUIRE(writer->size() == written * part.size());
      }
      if (writer) {
        const Secret secret = std::move(*writer).freeze();
        std::string expected;
        for (std::size_t i = 0; i < written; ++i) {
          expected += part;
        }
        CHECK(text_of(secret) == expected);
      }
      failed ? ++refused : ++whole;
    }
    CHECK(arena->usage().blocks == before);
    for (void* block : others) {
      arena->free(block);
    }
  }
  CHECK(whole > 0);
  CHECK(refused > 10);
}

}  // namespace
}  // namespace tantalus
