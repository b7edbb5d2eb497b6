// SPDX-License-Identifier: Apache-2.0
// A fault that scripts/fuzz must find before it runs anything else: a fuzzing set-up without coverage feedback never
// gets past these comparisons, and one without the address sanitizer does not notice the read.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || data[0] != 'T' || data[1] != 'N' || data[2] != 'T' || data[3] != 'L') {
    return 0;
  }
  static_cast<void>(std::fputs("planted fault reached\n", stderr));
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  const volatile std::uint8_t* past_the_end = exact.get() + size;
  return *past_the_end == 0 ? 0 : 0;
}
