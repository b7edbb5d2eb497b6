// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tantalus::bench {

/// A socket's descriptor, closed with its owner. Benchmarks end the process on any failure: a half-broken measurement
/// is worse than none.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Prints `what` with errno and exits with 1.
[[noreturn]] void give_up(const std::string& what);

[[nodiscard]] Descriptor listen_at(const std::string& path);
/// Not open when nobody listens there.
[[nodiscard]] Descriptor try_connect(const std::string& path);
[[nodiscard]] Descriptor connect_to(const std::string& path);

void send_all(int fd, std::span<const std::byte> bytes);
/// Blocks until there are bytes; gives up at the end of the stream.
[[nodiscard]] std::span<const std::byte> receive_some(int fd, std::span<std::byte> buffer);

}  // namespace tantalus::bench
