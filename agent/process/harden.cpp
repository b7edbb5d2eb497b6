// SPDX-License-Identifier: Apache-2.0
#include "agent/process/harden.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "agent/process/landlock.h"
#include "agent/process/syscall_filter.h"

namespace tantalus {
namespace {

// A sanitizer's runtime makes system calls of its own, and its leak check attaches to the process with ptrace(2).
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_watched_by_a_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool is_watched_by_a_sanitizer = true;
#else
constexpr bool is_watched_by_a_sanitizer = false;
#endif
#else
constexpr bool is_watched_by_a_sanitizer = false;
#endif

std::string because(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

std::size_t count_threads() {
  DIR* const directory = ::opendir("/proc/self/task");
  if (directory == nullptr) {
    return 0;
  }
  std::size_t count = 0;
  while (const dirent* const entry = ::readdir(directory)) {
    count += entry->d_name[0] != '.' ? 1 : 0;
  }
  ::closedir(directory);
  return count;
}

/// Landlock and capabilities reach the calling thread alone.
HardeningStep alone(HardeningStep step, std::size_t threads) {
  if (step.in_force && threads != 1) {
    step.in_force = false;
    step.why = std::to_string(threads - 1) + " threads were there before, and are not bound by it";
  }
  return step;
}

HardeningStep refuse_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return {"no_new_privs", false, because("prctl")};
  }
  return {"no_new_privs", true, ""};
}

using Capabilities = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

/// As in a unit that grants none and whose filter refuses capset(2).
bool has_no_capability() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Capabilities held{};
  return ::syscall(SYS_capget, &header, held.data()) == 0 &&
         std::ranges::all_of(held, [](const __user_cap_data_struct& set) {
           return set.effective == 0 && set.permitted == 0 && set.inheritable == 0;
         });
}

// What was looked at, and why none of it is kept once the process has started:
//   CAP_IPC_LOCK          the arena is mapped, and locked memory is counted when it is mapped
//   CAP_CHOWN, CAP_FOWNER, CAP_NET_BIND_SERVICE, CAP_SYS_RESOURCE   the sockets are bound, the limits are raised
//   CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH   manifests and audit files belong to the agent's user, or are readable to it
//   CAP_SYS_PTRACE        callers are told by their socket, their pidfd and the public files of /proc. It would open
//                         /proc/<pid>/exe for the audit's claim, and with it the memory of every process on the node
//   CAP_KILL              a pidfd is asked whether it lives by poll(2)
HardeningStep drop_capabilities() {
  std::string note;
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      note = "; the bounding set stays, as CAP_SETPCAP is missing: no_new_privs keeps it from mattering";
      break;
    }
  }
  static_cast<void>(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));  // capset(2) below clears it as well.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const Capabilities none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0 && !has_no_capability()) {
    return {"capabilities", false, because("capset")};
  }
  return {"capabilities", true, "none kept" + note};
}

HardeningStep own_user() {
  if (::geteuid() == 0) {
    return {"own_user", false, "runs as root; the unit and the image have a user for it"};
  }
  return {"own_user", true, "uid " + std::to_string(::geteuid())};
}

}  // namespace

Result<std::vector<HardeningStep>> forbid_dumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail(Code::misconfigured, because("core dumps can't be forbidden (RLIMIT_CORE)"));
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail(Code::misconfigured, because("core dumps can't be forbidden (PR_SET_DUMPABLE)"));
  }
  return std::vector<HardeningStep>{{"core_dumps", true, "RLIMIT_CORE 0"}, {"dumpable", true, "PR_SET_DUMPABLE 0"}};
}

std::vector<HardeningStep> harden(const HardenPlan& plan) {
  std::vector<HardeningStep> steps{own_user(), refuse_new_privileges()};
  if constexpr (is_watched_by_a_sanitizer) {
    for (const std::string_view step : {"capabilities", "landlock", "seccomp"}) {
      steps.push_back({step, false, "built with a sanitizer, which needs what this takes away"});
    }
    return steps;
  }
  const std::size_t threads = count_threads();
  steps.push_back(alone(drop_capabilities(), threads));
  steps.push_back(alone(restrict_files(plan), threads));
  steps.push_back(filter_system_calls(plan));
  return steps;
}

}  // namespace tantalus
