// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "client/include/tantalus/tantalus.h"
#include "protocol/error.h"
#include "protocol/response.h"

namespace tantalus::client {

/// Why a call failed, in the words of the C interface: the wire's codes, and what arises on this side.
struct Failure {
  tantalus_status status = TANTALUS_OK;
  std::uint32_t retry_after_ms = 0;
  std::string message;

  [[nodiscard]] bool failed() const noexcept { return status != TANTALUS_OK; }
};

[[nodiscard]] tantalus_status to_status(Code code) noexcept;
[[nodiscard]] Failure to_failure(const Error& error);
[[nodiscard]] Failure to_failure(const response::ErrorView& error);

/// Fills the caller's struct, which may be null; a message that is too long is cut between characters.
tantalus_status tell(const Failure& failure, tantalus_error* error) noexcept;

}  // namespace tantalus::client
