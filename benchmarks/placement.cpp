// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/placement.h"

#include <sched.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/unix_socket.h"

namespace tantalus::bench {
namespace {

/// Read once: pinning the calling thread narrows what the kernel answers later.
const std::vector<int>& allowed_cores() {
  static const std::vector<int> cores = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof(set), &set) != 0) {
      give_up("sched_getaffinity");
    }
    std::vector<int> found;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) {
        found.push_back(core);
      }
    }
    return found;
  }();
  return cores;
}

std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> threads;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", failed)) {
    const std::string name = entry.path().filename().string();
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    threads.push_back(thread);
  }
  return threads;
}

void pin_thread(pid_t thread, int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (::sched_setaffinity(thread, sizeof(set), &set) != 0) {
    give_up("sched_setaffinity");
  }
}

void schedule(pid_t process, int policy, int level) {
  sched_param priority{};
  priority.sched_priority = level;
  for (const pid_t thread : threads_of(process)) {
    if (::sched_setscheduler(thread, policy, &priority) != 0) {
      give_up("sched_setscheduler (SCHED_FIFO needs root)");
    }
  }
}

}  // namespace

std::string_view name_of(Placement placement) {
  return placement == Placement::one_core ? "one core" : "two cores";
}

bool has_two_cores() {
  return allowed_cores().size() >= 2;
}

void pin(pid_t server, Placement placement) {
  const int server_core = allowed_cores().back();
  const int client_core = placement == Placement::one_core ? server_core : allowed_cores().front();
  for (const pid_t thread : threads_of(server)) {
    pin_thread(thread, server_core);
  }
  pin_thread(0, client_core);
}

void make_realtime(pid_t process) {
  schedule(process, SCHED_FIFO, 10);
}

void make_ordinary(pid_t process) {
  schedule(process, SCHED_OTHER, 0);
}

}  // namespace tantalus::bench
