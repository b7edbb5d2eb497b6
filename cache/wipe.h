// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace tantalus {

/// Overwrites with zeros, by a call the compiler can't remove (explicit_bzero(3)).
void wipe(std::span<std::byte> bytes) noexcept;

/// Wipes about `bytes` of the stack below its caller, where a library may have left copies of a value.
void wipe_stack_below(std::size_t bytes) noexcept;

/// Whether two values are the same, in a time that depends on their lengths alone (trap 65).
[[nodiscard]] bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

}  // namespace tantalus
