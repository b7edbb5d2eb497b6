// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/base64.h"

#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace tantalus {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::vector<std::byte> room(base64_room(text.size()));
  const std::optional<std::size_t> size = base64_decode(text, room);
  if (!size) {
    return std::nullopt;
  }
  return std::string(static_cast<const char*>(static_cast<const void*>(room.data())), *size);
}

std::string encoded(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : letters[group >> (18U - 6U * k) & 63U];
    }
  }
  return text;
}

TEST_CASE("base64 of every length and byte is decoded") {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
    REQUIRE(decoded(encoded(bytes)) == bytes);
  }
  CHECK(decoded("") == "");
  CHECK(decoded("AA==") == std::string(1, '\0'));
  CHECK(decoded("//79/A==") == "\xff\xfe\xfd\xfc");
}

TEST_CASE("line breaks are skipped anywhere, as Kubernetes does", "[trap-79]") {
  CHECK(decoded("aGVs\nbG8=\n") == "hello");
  CHECK(decoded("\r\naG\nVsbG8\r=\n\n") == "hello");
  CHECK(decoded("aA=\n=") == "h");
}

TEST_CASE("what is no base64 is refused") {
  for (const std::string_view text :
       {"YQ==YWJj", "YQ", "YQ=", "YQ===", "Y", "YWJj=", "YWJj==", "=",
        "====", "YQ= =", " YQ==", "YQ== ", "Y Q=", "YQ\t==", "YWJ_", "YWJ-", "YW\x80j", "YQ==x", "hunter2!"}) {
    INFO(text);
    CHECK_FALSE(decoded(text));
  }
  for (int c = 0; c < 256; ++c) {
    const bool letter =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    const std::string text = "AAA" + std::string(1, static_cast<char>(c));
    if (c != '=') {
      CHECK(decoded(text).has_value() == letter);
    }
  }
}

}  // namespace
}  // namespace tantalus
