// SPDX-License-Identifier: Apache-2.0
#include "agent/process/syscall_filter.h"

// The only file that includes libseccomp.
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

namespace tantalus {
namespace {

/// System calls by name, since numbers differ by architecture, and why they stand in the table.
struct Group {
  std::string_view why;
  std::span<const char* const> calls;
};

// The calls of the cached path need no look at their arguments, so that the kernel answers them from its bitmap.
constexpr const char* connections[] = {
    "accept4", "recvmsg",  "recvfrom", "sendmsg",    "sendto",     "read",        "readv",       "write",
    "writev",  "shutdown", "close",    "getsockopt", "setsockopt", "getsockname", "getpeername", "connect",
};
constexpr const char* waiting[] = {
    "epoll_create1",    "epoll_ctl",       "epoll_wait",      "epoll_pwait",     "poll",          "ppoll",
    "timerfd_create",   "timerfd_settime", "eventfd2",        "pipe2",           "inotify_init1", "inotify_add_watch",
    "inotify_rm_watch", "nanosleep",       "clock_nanosleep", "restart_syscall",
};
constexpr const char* files[] = {
    "openat",    "open",       "fstat",    "stat",       "lstat",    "newfstatat", "statx",
    "lseek",     "pread64",    "pwrite64", "getdents64", "readlink", "readlinkat", "access",
    "faccessat", "faccessat2", "fcntl",    "dup",        "dup3",     "getcwd",
};
constexpr const char* audit[] = {
    "fsync",    "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "unlink",
    "unlinkat", "mkdir",     "mkdirat",   "fchmod", "flock",    "umask",
};
constexpr const char* memory[] = {"munmap", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock"};
constexpr const char* threads[] = {
    "futex",  "set_robust_list", "rseq", "sched_yield", "sched_getaffinity",
    "getcpu", "gettid",          "exit", "exit_group",  "membarrier",
};
constexpr const char* signals[] = {"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack"};
constexpr const char* facts[] = {
    "clock_gettime", "clock_getres", "gettimeofday", "time",    "getrandom",  "getpid",    "getppid",
    "getuid",        "geteuid",      "getgid",       "getegid", "getgroups",  "getresuid", "getresgid",
    "getrlimit",     "getrusage",    "sysinfo",      "uname",   "pidfd_open",
};
constexpr const char* backends[] = {"bind", "socketpair", "sendmmsg", "recvmmsg"};

constexpr Group allowed[] = {
    {"callers and operators: accept, read, reply, close; the notifier", connections},
    {"the loop: readiness, timers, wake-ups of helper threads, changes of files", waiting},
    {"manifests, configuration, /proc of callers", files},
    {"the audit file: sync, cut back, rotate; the sockets' files at the end", audit},
    {"the allocator; mmap and mprotect stand below", memory},
    {"helper threads", threads},
    {"signals by handler", signals},
    {"what a process asks about itself, the clock and its peers", facts},
};
constexpr Group with_network = {"look-ups of names, which bind a netlink socket and send in batches", backends};

// Nothing here, nor in a library that it uses, calls one of these: whoever does is not the agent any more.
constexpr const char* deadly[] = {
    // other programs and other processes' memory
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    "userfaultfd",
    "memfd_create",
    "personality",
    // the kernel's wide surfaces
    "bpf",
    "perf_event_open",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "keyctl",
    "add_key",
    "request_key",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "open_by_handle_at",
    "name_to_handle_at",
    "lookup_dcookie",
    "quotactl",
    "syslog",
    "iopl",
    "ioperm",
    "modify_ldt",
    // mounts and namespaces
    "mount",
    "umount2",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    // the machine
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "mknod",
    "mknodat",
    // other rights
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setfsuid",
    "setfsgid",
    "capset",
};

/// A call that may be made with some arguments only.
struct Narrow {
  const char* call;
  scmp_arg_cmp condition;
};

constexpr scmp_arg_cmp equals(unsigned argument, std::uint64_t value) noexcept {
  return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) noexcept {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// An ioctl's number holds its argument's size, which grows with the kernel: type 0xFF and number 5 tell this one
// (pidfd_open(2)).
constexpr std::uint64_t ioctl_type_and_number = 0xFFFF;
constexpr std::uint64_t pidfd_get_pid_namespace = 0xFF05;

constexpr Narrow narrow[] = {
    {"socket", equals(0, AF_UNIX)},
    // Memory is never both writable and executable, and does not become executable; libraries load all the same.
    {"mmap", masked(2, PROT_EXEC, 0)},
    {"mmap", masked(2, PROT_WRITE, 0)},
    {"mprotect", masked(2, PROT_EXEC, 0)},
    // Threads, no processes. clone3 has its flags in memory, where a filter can't look: ENOSYS leads glibc here.
    {"clone", masked(0, CLONE_THREAD, CLONE_THREAD)},
    {"prctl", equals(0, PR_SET_NAME)},
    {"prctl", equals(0, PR_GET_NAME)},
    {"prctl", equals(0, PR_GET_DUMPABLE)},
    {"prctl", equals(0, PR_GET_NO_NEW_PRIVS)},
    // A limit is read, not set.
    {"prlimit64", equals(2, 0)},
    {"ioctl", masked(1, ioctl_type_and_number, pidfd_get_pid_namespace)},
    {"ioctl", equals(1, FIONBIO)},
    {"ioctl", equals(1, FIOCLEX)},
    {"ioctl", equals(1, FIONREAD)},
    {"ioctl", equals(1, TCGETS)},
    {"ioctl", equals(1, TIOCGWINSZ)},
};
constexpr Narrow narrow_with_network[] = {
    {"socket", equals(0, AF_INET)},
    {"socket", equals(0, AF_INET6)},
    {"socket", equals(0, AF_NETLINK)},
};

class Filter {
 public:
  Filter() noexcept : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context_ != nullptr) {
      ::seccomp_release(context_);
    }
  }

  void set(scmp_filter_attr attribute, std::uint32_t value) noexcept {
    note(context_ == nullptr ? -ENOMEM : ::seccomp_attr_set(context_, attribute, value));
  }
  void rule(std::uint32_t action, const char* call, const scmp_arg_cmp* condition = nullptr) noexcept {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR || context_ == nullptr) {
      return;  // Newer than the library: what it does not know it can't allow either, and it answers ENOSYS.
    }
    note(::seccomp_rule_add_array(context_, action, number, condition == nullptr ? 0 : 1, condition));
  }
  void allow(const Group& group) noexcept {
    for (const char* const call : group.calls) {
      rule(SCMP_ACT_ALLOW, call);
    }
  }
  void allow(const Narrow& row) noexcept { rule(SCMP_ACT_ALLOW, row.call, &row.condition); }

  /// 0, or the first error.
  [[nodiscard]] int load() noexcept {
    if (error_ == 0) {
      note(::seccomp_load(context_));
    }
    return error_;
  }

 private:
  void note(int result) noexcept {
    if (result < 0 && error_ == 0) {
      error_ = -result;
    }
  }
  scmp_filter_ctx context_;
  int error_ = 0;
};

}  // namespace

HardeningStep filter_system_calls(const HardenPlan& plan) {
  Filter filter;
  filter.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  filter.set(SCMP_FLTATR_CTL_TSYNC, 1);
  filter.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // A binary tree: what is not in the kernel's bitmap takes few steps.
  for (const Group& group : allowed) {
    filter.allow(group);
  }
  for (const Narrow& row : narrow) {
    filter.allow(row);
  }
  // abort(3) is how a broken invariant ends the process.
  const scmp_arg_cmp own = equals(0, static_cast<std::uint64_t>(::getpid()));
  filter.rule(SCMP_ACT_ALLOW, "tgkill", &own);
  if (plan.network) {
    filter.allow(with_network);
    for (const Narrow& row : narrow_with_network) {
      filter.allow(row);
    }
  }
  for (const char* const call : deadly) {
    filter.rule(SCMP_ACT_KILL_PROCESS, call);
  }
  if (const int error = filter.load(); error != 0) {
    return {"seccomp", false, std::string("the filter can't be loaded: ") + std::strerror(error)};
  }
  return {"seccomp", true, plan.network ? "with TCP for backends" : "Unix sockets alone"};
}

}  // namespace tantalus
