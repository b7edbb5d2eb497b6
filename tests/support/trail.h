// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/audit/line.h"
#include "protocol/audit/parse.h"
#include "protocol/audit/verify.h"

namespace tantalus::test {

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

inline AuditVerdict verdict_of(const std::string& text, std::string_view head = {}) {
  AuditVerifier verifier(head);
  std::istringstream in(text);
  verifier.read(in, "trail");
  return verifier.finish();
}

/// A trail of `count` resolves.
inline std::string trail(std::size_t count, AuditChain& chain) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string key = "key-" + std::to_string(i);
    AuditLine line;
    line.time = WallMicros(std::chrono::seconds(1'785'000'000 + i));
    line.event = "resolve";
    line.outcome = "ok";
    line.domain = i % 2 == 0 ? "finance" : "sales";
    line.uid = 1000;
    line.key = key;
    chain.append(text, line);
  }
  return text;
}

}  // namespace tantalus::test
