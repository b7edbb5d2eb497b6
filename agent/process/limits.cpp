// SPDX-License-Identifier: Apache-2.0
#include "agent/process/limits.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace tantalus {
namespace {

constexpr std::uint32_t fewest_connections = 16;

}  // namespace

Result<DescriptorBudget> budget_of(std::uint64_t limit, std::uint32_t wanted_connections) {
  const std::uint64_t needed = descriptor_reserve + fewest_connections * descriptors_per_connection;
  if (limit < needed) {
    return fail(Code::misconfigured, "RLIMIT_NOFILE: its hard limit is " + std::to_string(limit) + ", at least " +
                                         std::to_string(needed) +
                                         " are needed; raise it with LimitNOFILE= in the unit or `ulimit -Hn`");
  }
  const std::uint64_t room = (limit - descriptor_reserve) / descriptors_per_connection;
  DescriptorBudget budget;
  budget.limit = limit;
  budget.connections = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, wanted_connections));
  budget.is_cut = budget.connections < wanted_connections;
  return budget;
}

Result<DescriptorBudget> fit_to_descriptors(std::uint32_t wanted_connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return fail(Code::misconfigured, std::string("RLIMIT_NOFILE can't be read: ") + std::strerror(errno));
  }
  if (limit.rlim_cur != limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    // An unlimited hard limit can stand above fs.nr_open, which the kernel then refuses: the soft one is what there is.
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      limit = raised;
    }
  }
  return budget_of(limit.rlim_cur, wanted_connections);
}

std::size_t count_open_descriptors() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) {
    return 0;
  }
  std::size_t count = 0;
  while (const dirent* const entry = ::readdir(directory)) {
    count += entry->d_name[0] != '.' ? 1 : 0;
  }
  ::closedir(directory);
  return count > 0 ? count - 1 : 0;  // Less the one that was opened to look.
}

}  // namespace tantalus
