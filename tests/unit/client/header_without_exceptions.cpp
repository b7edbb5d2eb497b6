// SPDX-License-Identifier: Apache-2.0
// tantalus.hpp is C++20, and needs neither exceptions nor type information.
#include <string>
#include <tantalus/tantalus.hpp>

std::size_t size_of_secret(const std::string& reference);

std::size_t size_of_secret(const std::string& reference) {
  tantalus::Client client;
  const tantalus::Result<tantalus::Secret> secret = client.resolve(reference);
  return secret ? secret->size() : std::string(secret.error().what()).size();
}
