// SPDX-License-Identifier: Apache-2.0
// An agent's answers, as the client library reads them: whatever they are, each view lies within the frame.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "protocol/response.h"

namespace {

using namespace tantalus;
using Bytes = std::span<const std::byte>;

bool is_within(Bytes all, const void* begin, std::size_t size) {
  const auto* const first = static_cast<const std::byte*>(begin);
  const std::less_equal<> before;
  return size == 0 || (before(all.data(), first) && before(first + size, all.data() + all.size()));
}

void check_text(Bytes all, std::string_view text) {
  check(is_within(all, text.data(), text.size()), "a view of the frame");
}

void check_error(Bytes all, const std::optional<response::ErrorView>& error) {
  if (error) {
    check_text(all, error->code);
    check_text(all, error->message);
  }
}

void check_secret(Bytes all, const response::SecretView& secret) {
  check(is_within(all, secret.value.data(), secret.value.size()), "a value in the frame");
  for (const std::string_view text : {secret.key, secret.source, secret.scope, secret.id, secret.version}) {
    check_text(all, text);
  }
}

void read_as_each(Bytes result) {
  if (const auto secret = response::read_secret(result)) {
    check_secret(result, *secret);
  }
  if (const auto batch = response::read_batch(result)) {
    for (const auto& item : *batch) {
      check(item.secret.has_value() != item.error.has_value(), "a secret or an error");
      check_error(result, item.error);
      if (item.secret) {
        check_secret(result, *item.secret);
      }
    }
  }
  if (const auto items = response::read_subscriptions(result)) {
    for (const auto& item : *items) {
      check_text(result, item.key);
      check_text(result, item.version.value_or(""));
      check_error(result, item.error);
    }
  }
  if (const auto change = response::read_change(result)) {
    check_text(result, change->key);
  }
  if (const auto catalog = response::read_catalog(result)) {
    for (const auto& item : *catalog) {
      check_text(result, item.key);
      check_text(result, item.updated_by);
      check_error(result, item.error);
    }
  }
  if (const auto text = response::read_text(result)) {
    check_text(result, *text);
  }
  static_cast<void>(response::read_members(result));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes frame = std::as_bytes(std::span(data, size));
  const auto head = response::read(frame);
  if (!head) {
    // Not a whole answer, but perhaps a result.
    read_as_each(frame);
    return 0;
  }
  check_error(frame, head->error);
  check_text(frame, head->method);
  check(is_within(frame, head->result.data(), head->result.size()), "a result in the frame");
  read_as_each(head->result);
  return 0;
}
