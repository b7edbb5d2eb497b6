// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/footprint.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "benchmarks/unix_socket.h"

namespace tantalus::bench {
namespace {

/// The fields of one mapping, until its last line, VmFlags, tells whether it is locked.
struct Mapping {
  std::uint64_t resident = 0;
  std::uint64_t anonymous = 0;
  bool is_secret = false;
};

bool has_flag(const std::string& line, const std::string& flag) {
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (word == flag) {
      return true;
    }
  }
  return false;
}

std::uint64_t voluntary_switches(pid_t process) {
  std::uint64_t total = 0;
  std::error_code failed;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", failed)) {
    std::ifstream status(thread.path() / "status");
    for (std::string name; status >> name;) {
      std::uint64_t count = 0;
      if (name == "voluntary_ctxt_switches:" && status >> count) {
        total += count;
      }
    }
  }
  return total;
}

}  // namespace

Memory memory_of(pid_t process) {
  std::ifstream smaps("/proc/" + std::to_string(process) + "/smaps");
  Memory memory;
  Mapping mapping;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    words >> name;
    if (name == "Rss:" && words >> kib) {
      mapping.resident = kib;
    } else if (name == "Anonymous:" && words >> kib) {
      mapping.anonymous = kib;
    } else if (line.find("/secretmem") != std::string::npos) {
      mapping.is_secret = true;
    } else if (name == "VmFlags:") {
      memory.resident += mapping.resident;
      if (mapping.is_secret || has_flag(line, "lo")) {
        memory.resident_locked += mapping.resident;
      } else {
        memory.anonymous_unlocked += mapping.anonymous;
      }
      mapping = {};
    }
  }
  if (memory.resident == 0) {
    give_up("read smaps of " + std::to_string(process));
  }
  return memory;
}

double wakeups_per_second(pid_t process, std::chrono::milliseconds period) {
  const std::uint64_t before = voluntary_switches(process);
  std::this_thread::sleep_for(period);
  const std::uint64_t woken = voluntary_switches(process) - before;
  return static_cast<double>(woken) / std::chrono::duration<double>(period).count();
}

}  // namespace tantalus::bench
