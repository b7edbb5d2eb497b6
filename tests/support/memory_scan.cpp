// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string_view>

namespace tantalus::test {
namespace {

constexpr std::size_t chunk = 1024 * 1024;

std::string base64(const std::string& bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char byte : bytes) {
    held = held << 8U | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 6; bits -= 6) {
      text += letters[held >> static_cast<unsigned>(bits - 6) & 63U];
    }
  }
  return text;  // What is left over depends on what follows.
}

struct Mapping {
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  std::string name;
  bool readable = false;
  bool locked = false;
};

std::vector<Mapping> mappings_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps");
  std::vector<Mapping> mappings;
  for (std::string line; std::getline(file, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char rights[5]{};
    int name_at = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %*x %*x:%*x %*u %n", &from, &to, rights, &name_at) >= 3 && name_at > 0) {
      mappings.push_back({from, to, line.substr(static_cast<std::size_t>(name_at)), rights[0] == 'r', false});
    } else if (line.starts_with("VmFlags:") && !mappings.empty()) {
      mappings.back().locked = line.find(" lo") != std::string::npos;
    }
  }
  return mappings;
}

}  // namespace

std::vector<std::string> forms_of(const std::string& bytes) {
  std::vector<std::string> forms{bytes};
  for (const std::size_t before : {0U, 1U, 2U}) {
    // With `before` bytes in front of them, their first whole letter comes after as many bytes of theirs.
    const std::size_t skipped = (3 - before) % 3;
    const std::string text = base64(bytes.substr(skipped));
    forms.push_back(text.substr(0, text.size() / 4 * 4));
  }
  return forms;
}

MemoryScan scan_memory(pid_t pid, const std::vector<std::string>& forms, bool locked_too) {
  MemoryScan scan;
  const int memory = ::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  for (const Mapping& mapping : mappings_of(pid)) {
    const std::size_t size = mapping.to - mapping.from;
    if (!mapping.readable || mapping.name == "[vvar]" || mapping.name == "[vsyscall]") {
      continue;
    }
    if (mapping.locked && !locked_too) {
      scan.locked += size;
      continue;
    }
    std::string text;
    for (std::uintptr_t at = mapping.from; at < mapping.to;) {
      const std::size_t had = text.size();
      text.resize(had + std::min(chunk, mapping.to - at));
      const ssize_t got = ::pread(memory, text.data() + had, text.size() - had, static_cast<off_t>(at));
      if (got <= 0) {
        scan.unreadable += mapping.to - at;
        break;
      }
      text.resize(had + static_cast<std::size_t>(got));
      at += static_cast<std::size_t>(got);
      scan.scanned += static_cast<std::size_t>(got);
      for (const std::string& form : forms) {
        if (text.find(form) != std::string::npos) {
          scan.found.push_back(mapping.name + ": " + form);
        }
      }
      text.erase(0, text.size() - std::min<std::size_t>(text.size(), 256));  // A form may lie across two chunks.
    }
  }
  ::close(memory);
  return scan;
}

}  // namespace tantalus::test
