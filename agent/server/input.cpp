// SPDX-License-Identifier: Apache-2.0
#include "agent/server/input.h"

#include <algorithm>
#include <cstring>

#include "cache/wipe.h"

namespace tantalus {

std::span<std::byte> InputBuffer::room(std::size_t more) {
  if (capacity_ - to_ < more && from_ > 0) {
    std::memmove(data_.get(), data_.get() + from_, size());
    to_ -= from_;
    from_ = 0;
  }
  if (capacity_ - to_ < more) {
    const std::size_t larger = std::max(to_ + more, capacity_ * 2);
    auto data = std::make_unique_for_overwrite<std::byte[]>(larger);
    if (to_ > 0) {
      std::memcpy(data.get(), data_.get(), to_);
      wipe({data_.get(), capacity_});
    }
    data_ = std::move(data);
    capacity_ = larger;
  }
  return {data_.get() + to_, capacity_ - to_};
}

void InputBuffer::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return;
  }
  std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
  to_ += bytes.size();
}

void InputBuffer::consume(std::size_t bytes) noexcept {
  from_ += bytes;
  if (from_ == to_) {
    release();
  }
}

void InputBuffer::release() noexcept {
  if (data_ != nullptr) {
    wipe({data_.get(), capacity_});
    data_.reset();
  }
  capacity_ = from_ = to_ = 0;
}

}  // namespace tantalus
