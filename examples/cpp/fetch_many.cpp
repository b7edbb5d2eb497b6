// SPDX-License-Identifier: Apache-2.0
// Fetches several secrets in one call; the first of them also by exception.
#include <iostream>
#include <string>
#include <tantalus/tantalus.hpp>
#include <vector>

int main(int argc, char** argv) try {
  const std::vector<std::string> references(argv + 1, argv + argc);
  if (references.empty()) {
    std::cerr << "usage: fetch_many REFERENCE...\n";
    return 2;
  }
  tantalus::Client client;
  tantalus::Reply reply = client.resolve_many(references).value();
  for (std::size_t row = 0; row < reply.rows(); ++row) {
    const tantalus::Result<tantalus::Secret> secret = reply.take_secret(row);
    if (!secret) {
      std::cout << references[row] << ": " << secret.error().what() << '\n';
    } else if (secret->has_value()) {
      std::cout << references[row] << ": " << secret->size() << " bytes from " << secret->source() << '\n';
    }
  }
  // value() throws where the reference fails.
  const tantalus::Secret first = client.resolve(references.front()).value();
  std::cout << first.key() << " is at version " << first.version() << '\n';
  return 0;
} catch (const tantalus::Error& error) {
  std::cerr << tantalus_status_name(error.status()) << ": " << error.what() << '\n';
  return 1;
}
