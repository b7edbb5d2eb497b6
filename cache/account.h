// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "protocol/error.h"

namespace tantalus {

/// How many bytes of the arena somebody's values take: charged when a cache takes a value, credited when its last
/// handle wipes it. So what replies under way hold is counted after the cache gave it up (promise 11). It outlives its
/// owner while values are charged to it.
class Account {
 public:
  struct Close {
    void operator()(Account* account) const noexcept { account->close(); }
  };
  using Owner = std::unique_ptr<Account, Close>;

  [[nodiscard]] static Owner open() { return Owner(new Account); }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  void charge(std::size_t bytes) noexcept { bytes_ += bytes; }
  void credit(std::size_t bytes) noexcept {
    check(bytes <= bytes_, "more was credited to an account than was charged");
    bytes_ -= bytes;
    if (bytes_ == 0 && closed_) {
      delete this;
    }
  }

 private:
  Account() = default;
  ~Account() = default;
  void close() noexcept {
    closed_ = true;
    if (bytes_ == 0) {
      delete this;
    }
  }

  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace tantalus
