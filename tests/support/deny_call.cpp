// SPDX-License-Identifier: Apache-2.0
// deny_call memfd_secret|peerpidfd|pidfd_ioctl COMMAND…: runs a program for which the kernel lacks one thing, as an
// older one does (seccomp(2)), so that the rungs below it are tested on the real kernel.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace {

constexpr unsigned memfd_secret_number = 447;
constexpr unsigned so_peerpidfd = 77;
constexpr unsigned pidfd_get_pid_namespace = 0xFF05;

bool install(sock_filter* filter, unsigned short size) {
  sock_fprog program{size, filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

constexpr unsigned refuse(int error) {
  return SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
}

bool deny(std::string_view what) {
  constexpr auto number_at = static_cast<unsigned>(offsetof(seccomp_data, nr));
  constexpr auto argument = [](unsigned i) { return static_cast<unsigned>(offsetof(seccomp_data, args)) + i * 8; };
  if (what == "memfd_secret") {
    sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, memfd_secret_number, 0, 1),
                            BPF_STMT(BPF_RET | BPF_K, refuse(ENOSYS)), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    return install(filter, sizeof filter / sizeof *filter);
  }
  if (what == "peerpidfd") {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(2)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, so_peerpidfd, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, refuse(ENOPROTOOPT)),  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    return install(filter, sizeof filter / sizeof *filter);
  }
  if (what == "pidfd_ioctl") {
    sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
                            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(1)),
                            BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xFFFF),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, pidfd_get_pid_namespace, 0, 1),
                            BPF_STMT(BPF_RET | BPF_K, refuse(ENOTTY)),
                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    return install(filter, sizeof filter / sizeof *filter);
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || !deny(argv[1])) {
    std::fputs("usage: deny_call memfd_secret|peerpidfd|pidfd_ioctl COMMAND...\n", stderr);
    return 2;
  }
  ::execvp(argv[2], argv + 2);
  std::perror(argv[2]);
  return 127;
}
