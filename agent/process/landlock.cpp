// SPDX-License-Identifier: Apache-2.0
#include "agent/process/landlock.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tantalus {
namespace {

// Debian 12's linux/landlock.h knows ABI 2 alone, so names and layouts stand here, as in the kernel's
// include/uapi/linux/landlock.h. Unknown trailing fields of value 0 are accepted by kernels that lack them.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed_access = 0;
  std::int32_t parent_fd = -1;
};

constexpr std::uint32_t create_ruleset_version = 1;
constexpr int rule_path_beneath = 1;

enum FileAccess : std::uint64_t {
  execute = 1U << 0,
  write_file = 1U << 1,
  read_file = 1U << 2,
  read_dir = 1U << 3,
  remove_dir = 1U << 4,
  remove_file = 1U << 5,
  make_char = 1U << 6,
  make_dir = 1U << 7,
  make_reg = 1U << 8,
  make_sock = 1U << 9,
  make_fifo = 1U << 10,
  make_block = 1U << 11,
  make_sym = 1U << 12,
  refer = 1U << 13,      // ABI 2
  truncate = 1U << 14,   // ABI 3
  ioctl_dev = 1U << 15,  // ABI 5
};

constexpr std::uint64_t bind_tcp = 1U << 0;  // ABI 4
constexpr std::uint64_t connect_tcp = 1U << 1;
constexpr std::uint64_t scope_abstract_unix_socket = 1U << 0;  // ABI 6
constexpr std::uint64_t scope_signal = 1U << 1;

constexpr std::uint64_t read_only = read_file | read_dir;
constexpr std::uint64_t audit_files = read_only | write_file | truncate | make_reg | remove_file;

std::uint64_t file_access_of(int abi) noexcept {
  std::uint64_t access = (make_sym << 1U) - 1;
  access |= abi >= 2 ? std::uint64_t{refer} : 0;
  access |= abi >= 3 ? std::uint64_t{truncate} : 0;
  access |= abi >= 5 ? std::uint64_t{ioctl_dev} : 0;
  return access;
}

/// What this ABI has no word for.
std::string missing_in(int abi) {
  std::string missing;
  const auto add = [&missing](bool is_missing, const char* what) {
    if (is_missing) {
      missing += missing.empty() ? "; not in this kernel: " : ", ";
      missing += what;
    }
  };
  add(abi < 3, "truncation");
  add(abi < 4, "TCP");
  add(abi < 5, "device ioctls");
  add(abi < 6, "abstract sockets and signals");
  return missing;
}

class Ruleset {
 public:
  explicit Ruleset(int abi, const HardenPlan& plan) noexcept : handled_(file_access_of(abi)) {
    RulesetAttributes attributes;
    attributes.handled_access_fs = handled_;
    if (abi >= 4) {
      attributes.handled_access_net = plan.network ? bind_tcp : bind_tcp | connect_tcp;
    }
    if (abi >= 6) {
      attributes.scoped = scope_abstract_unix_socket | scope_signal;
    }
    fd_ = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U));
  }
  Ruleset(const Ruleset&) = delete;
  Ruleset& operator=(const Ruleset&) = delete;
  ~Ruleset() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  [[nodiscard]] bool is_made() const noexcept { return fd_ >= 0; }

  [[nodiscard]] bool allow(const std::string& path, std::uint64_t access) const noexcept {
    PathBeneath rule;
    rule.parent_fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) {
      return false;
    }
    rule.allowed_access = access & handled_;
    const bool added = ::syscall(SYS_landlock_add_rule, fd_, rule_path_beneath, &rule, 0U) == 0;
    const int error = errno;
    ::close(rule.parent_fd);
    errno = error;
    return added;
  }

  [[nodiscard]] bool enforce() const noexcept { return ::syscall(SYS_landlock_restrict_self, fd_, 0U) == 0; }

 private:
  std::uint64_t handled_;
  int fd_ = -1;
};

HardeningStep refused(const std::string& what) {
  return {"landlock", false, what + ": " + std::strerror(errno)};
}

}  // namespace

HardeningStep restrict_files(const HardenPlan& plan) {
  const auto abi = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0UL, create_ruleset_version));
  if (abi < 1) {
    return refused("not in this kernel, or not among its security modules (lsm=)");
  }
  const Ruleset rules(abi, plan);
  if (!rules.is_made()) {
    return refused("no ruleset");
  }
  // Reading is left to the files' own modes: manifests are read through symlinks that point anywhere, a reload may name
  // another directory, and CA bundles, the name service and tokens lie where each system has them.
  if (!rules.allow("/", read_only)) {
    return refused("/");
  }
  for (const std::string& directory : plan.writable) {
    if (!rules.allow(directory, audit_files)) {
      return refused(directory);
    }
  }
  for (const std::string& directory : plan.sockets) {
    if (!rules.allow(directory, remove_file)) {
      return refused(directory);
    }
  }
  if (!rules.enforce()) {
    return refused("landlock_restrict_self");
  }
  return {"landlock", true, "ABI " + std::to_string(abi) + missing_in(abi)};
}

}  // namespace tantalus
