// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/sha256.h"

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>

#include "protocol/error.h"

namespace tantalus {

struct Sha256::State {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  State() {
    check(algorithm != nullptr && context != nullptr, "libcrypto gives no SHA-256");
    start(algorithm);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
  /// Null: with the algorithm that the context has.
  void start(const EVP_MD* with) const noexcept {
    check(EVP_DigestInit_ex2(context, with, nullptr) == 1, "SHA-256 could not be started");
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) noexcept {
  check(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

HashText Sha256::finish() noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<std::uint8_t, 32> digest;
  check(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1, "SHA-256 failed");
  state_->start(nullptr);
  HashText text;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = digits[digest[i] >> 4U];
    text[2 * i + 1] = digits[digest[i] & 15U];
  }
  return text;
}

}  // namespace tantalus
