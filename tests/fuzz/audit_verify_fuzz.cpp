// SPDX-License-Identifier: Apache-2.0
// A trail's bytes: whatever they are, verify and query end; a good trail with anything put into it is no longer whole;
// a line of any texts is read back.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "protocol/audit/line.h"
#include "protocol/audit/parse.h"
#include "protocol/audit/query.h"
#include "protocol/audit/verify.h"
#include "protocol/error.h"

using namespace tantalus;

namespace {

AuditVerdict verdict_of(const std::string& text) {
  AuditVerifier verifier;
  std::istringstream in(text);
  verifier.read(in, "trail");
  return verifier.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const AuditVerdict verdict = verdict_of(text);
  check(verdict.is_whole() || !verdict.finding->what.empty(), "a finding is told");
  std::istringstream in(text);
  AuditGrouping grouping({.key = text.substr(0, 4), .since = WallMicros{}}, AuditGroupBy::pod);
  (void)grouping.read(in);
  (void)parse_time(text);
  (void)parse_since(text, WallMicros{});

  AuditChain chain;
  std::string trail;
  AuditLine line;
  line.event = "resolve";
  line.key = text;
  line.pod = text;
  line.count = size;
  for (int i = 0; i < 3; ++i) {
    chain.append(trail, line);
  }
  check(verdict_of(trail).is_whole() && verdict_of(trail).lines == 3, "what is written verifies");
  const std::size_t first_end = trail.find('\n');
  const auto parsed = ParsedAuditLine::parse(std::string_view(trail).substr(0, first_end));
  check(parsed.has_value() && parsed->number("count") == size, "what is written is read");
  const bool is_plain = text.size() <= AuditChain::max_text &&
                        text.find_first_not_of("abcdefghijklmnopqrstuvwxyz\"\\\n\t\x01") == std::string::npos;
  check(!is_plain || text.empty() || parsed->text("key") == text, "and to the same");

  // Put in after the first line: that is found, unless it is nothing, or starts with the next line's own bytes.
  const std::string between = text + "\n";
  const std::string broken = trail.substr(0, first_end + 1) + between + trail.substr(first_end + 1);
  check(!verdict_of(broken).is_whole(), "what was put in is found");
  return 0;
}
