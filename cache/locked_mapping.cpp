// SPDX-License-Identifier: Apache-2.0
#include "cache/locked_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace tantalus {
namespace {

#if defined(SYS_memfd_secret)
constexpr long memfd_secret_number = SYS_memfd_secret;
#else
constexpr long memfd_secret_number = 447;  // The same on every architecture; glibc 2.36's headers lack it on some.
#endif

std::string in_kib(std::size_t bytes) {
  return std::to_string(bytes / 1024) + " KiB";
}

std::unexpected<Error> refusal(std::size_t bytes, int reason) {
  std::string text = "can't lock " + in_kib(bytes) + " of memory: " + std::generic_category().message(reason);
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bytes) {
    text += "; RLIMIT_MEMLOCK is " + in_kib(limit.rlim_cur) + ", at least " + in_kib(bytes) + " are needed";
  } else {
    text += "; what this process may lock is bounded by RLIMIT_MEMLOCK";
  }
  text +=
      ": raise it (LimitMEMLOCK= of a systemd unit, `ulimit -l` of a shell), give the process CAP_IPC_LOCK, or make "
      "cache.memory smaller";
  return fail(Code::unavailable, std::move(text));
}

/// Counts all of it, and faults in no page before it is used. Where mlock2(2) is missing (an emulation, Linux before
/// 4.4; glibc then says EINVAL), all pages at once: it is locked either way.
bool lock_on_fault(void* at, std::size_t bytes) noexcept {
  return ::mlock2(at, bytes, MLOCK_ONFAULT) == 0 || (errno == EINVAL && ::mlock(at, bytes) == 0);
}

}  // namespace

Result<LockedMapping> LockedMapping::make(std::size_t bytes, bool try_memfd_secret) {
  if (::sysconf(_SC_PAGESIZE) != static_cast<long>(page)) {
    return fail(Code::unavailable, "can't lock memory: pages are not of 4096 bytes here");
  }
  LockedMapping mapping;
  if (!mapping.reserve(bytes)) {
    return refusal(bytes, errno);
  }
  // A container's seccomp filter may refuse memfd_secret as an old kernel does; mlock keeps promise 5 as well (trap
  // 63).
  if (try_memfd_secret && mapping.map_memfd_secret()) {
    return mapping;
  }
  if (!mapping.map_and_lock()) {
    return refusal(bytes, errno);
  }
  return mapping;
}

LockedMapping::LockedMapping(LockedMapping&& other) noexcept
    : reserved_(std::exchange(other.reserved_, {})), bytes_(std::exchange(other.bytes_, {})), kind_(other.kind_) {}

LockedMapping::~LockedMapping() {
  if (!reserved_.empty()) {
    ::munmap(reserved_.data(), reserved_.size());
  }
}

bool LockedMapping::reserve(std::size_t bytes) noexcept {
  const std::size_t whole = bytes + 2 * page;
  void* at = ::mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    return false;
  }
  reserved_ = {static_cast<std::byte*>(at), whole};
  bytes_ = reserved_.subspan(page, bytes);
  return true;
}

// Needs no mlock (which fails on it, although the pages count as locked), refuses MADV_WIPEONFORK, and is counted
// against RLIMIT_MEMLOCK when it is mapped (memfd_secret(2)).
bool LockedMapping::map_memfd_secret() noexcept {
  const int fd = static_cast<int>(::syscall(memfd_secret_number, O_CLOEXEC));
  if (fd < 0) {
    return false;
  }
  bool mapped = false;
  if (::ftruncate(fd, static_cast<off_t>(bytes_.size())) == 0) {
    mapped = ::mmap(bytes_.data(), bytes_.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
  }
  const int reason = errno;
  ::close(fd);  // An open one could be taken by pidfd_getfd(2) and mapped.
  errno = reason;
  kind_ = Arena::Kind::memfd_secret;
  // Trap 61: memory that can be dumped is no memory for secrets.
  return mapped && ::madvise(bytes_.data(), bytes_.size(), MADV_DONTFORK) == 0 &&
         ::madvise(bytes_.data(), bytes_.size(), MADV_DONTDUMP) == 0;
}

bool LockedMapping::map_and_lock() noexcept {
  kind_ = Arena::Kind::mlock;
  void* at =
      ::mmap(bytes_.data(), bytes_.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return at != MAP_FAILED && ::madvise(at, bytes_.size(), MADV_DONTDUMP) == 0 &&
         ::madvise(at, bytes_.size(), MADV_WIPEONFORK) == 0 && lock_on_fault(at, bytes_.size());
}

}  // namespace tantalus
