// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

/// The real agent for tests that see the library as its users do: none of the project's own headers comes along, whose
/// names in namespace tantalus are also the C++ header's. The test's own user is of the domain `ops`.
class OpaqueAgent {
 public:
  OpaqueAgent();
  ~OpaqueAgent();
  [[nodiscard]] bool start();
  [[nodiscard]] bool stop();
  [[nodiscard]] std::string socket() const;
  /// The keys `password`, with this value, and `other`, which is `unchanged`.
  void store(const std::string& password) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
