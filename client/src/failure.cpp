// SPDX-License-Identifier: Apache-2.0
#include "client/src/failure.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace tantalus::client {
namespace {

std::uint32_t to_milliseconds(std::int64_t milliseconds) noexcept {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(milliseconds, 0, most));
}

}  // namespace

tantalus_status to_status(Code code) noexcept {
  switch (code) {
    case Code::invalid_request:
      return TANTALUS_INVALID_REQUEST;
    case Code::unauthenticated:
      return TANTALUS_UNAUTHENTICATED;
    case Code::permission_denied:
      return TANTALUS_PERMISSION_DENIED;
    case Code::not_found:
      return TANTALUS_NOT_FOUND;
    case Code::too_large:
      return TANTALUS_TOO_LARGE;
    case Code::overloaded:
      return TANTALUS_OVERLOADED;
    case Code::unavailable:
      return TANTALUS_UNAVAILABLE;
    case Code::misconfigured:
      return TANTALUS_MISCONFIGURED;
    case Code::internal:
      return TANTALUS_INTERNAL;
  }
  return TANTALUS_INTERNAL;
}

Failure to_failure(const Error& error) {
  return {to_status(error.code), to_milliseconds(error.retry_after.count()), error.message};
}

Failure to_failure(const response::ErrorView& error) {
  return {to_status(code_from_text(error.code).value_or(Code::internal)), to_milliseconds(error.retry_after),
          std::string(error.message)};
}

tantalus_status tell(const Failure& failure, tantalus_error* error) noexcept {
  if (error == nullptr) {
    return failure.status;
  }
  error->status = failure.status;
  error->retry_after_ms = failure.retry_after_ms;
  std::size_t size = std::min(failure.message.size(), sizeof error->message - 1);
  while (size < failure.message.size() && size > 0 &&
         (static_cast<unsigned char>(failure.message[size]) & 0xC0) == 0x80) {
    --size;
  }
  std::copy_n(failure.message.data(), size, error->message);
  error->message[size] = '\0';
  return failure.status;
}

}  // namespace tantalus::client
