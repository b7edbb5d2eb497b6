// SPDX-License-Identifier: Apache-2.0
// The texts of /proc that attestation reads: no bytes make a container's process a host's by standing beside its line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/identity/cgroup.h"
#include "agent/identity/proc.h"
#include "protocol/error.h"

using namespace tantalus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Place = CgroupVerdict::Place;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const CgroupVerdict verdict = classify(text);
  check((verdict.place == Place::host) == verdict.layout.empty(), "what is no host's says why");
  check(verdict.place != Place::host || (!text.empty() && text.back() == '\n'), "a cut text is no host's");
  (void)may_hide_its_place(text);

  const std::string container = "1:memory:/docker/x\n";
  check(classify(container + text).place != Place::host, "no text after a container's line hides it");
  if (text.ends_with('\n')) {
    check(classify(text + container).place == Place::container, "no text before a container's line hides it");
    check(classify(text + "0::/..\n").place != Place::host, "no text before an unclear line hides it");
  }

  (void)proc::parse_stat(text);
  const auto named = proc::parse_stat("1 (" + text + ") S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n");
  check(named && named->state == 'S' && named->start_time == 19, "no name forges a state or a start time");
  (void)proc::parse_status(text);
  return 0;
}
