// SPDX-License-Identifier: Apache-2.0
// A reference as text: what is taken is written and read back to the same, and what is refused says so in words.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/reference.h"
#include "protocol/utf8.h"

using namespace tantalus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = reference_from_uri(text);
  if (!first) {
    check(first.error().code == Code::invalid_request, "a bad reference is an invalid request");
    check(is_utf8(first.error().message) && first.error().message.size() < 512, "an error's message is short UTF-8");
    return 0;
  }
  check(!first->key.empty() && first->key.size() <= limits::max_key, "a key has its length");
  const std::string segments = "/" + first->key + "/";
  check(segments.find("/../") == std::string::npos && segments.find("/./") == std::string::npos, "a key leads nowhere");
  const std::string uri = to_uri(first->view());
  const auto second = reference_from_uri(uri);
  check(second.has_value(), "a written URI is read");
  check(first->key == second->key && first->source == second->source && first->scope == second->scope &&
            first->id == second->id && first->field == second->field && first->version == second->version,
        "a written URI is read to the same");
  check(to_uri(second->view()) == uri, "and written the same");
  return 0;
}
