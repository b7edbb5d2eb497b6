// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/neighbour.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "benchmarks/placement.h"
#include "benchmarks/unix_socket.h"

namespace tantalus::bench {

Neighbour measure_neighbour(const std::string& socket, const Load& quiet, const Load& flood,
                            std::chrono::milliseconds duration) {
  Neighbour result;
  // The quiet caller goes before the flood's client on their core: what is left to wait for is the agent.
  make_realtime(::getpid());
  result.alone = drive(socket, quiet, duration);
  const pid_t flooder = ::fork();
  if (flooder < 0) {
    give_up("fork");
  }
  if (flooder == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    make_ordinary(::getpid());
    if (::setgid(flooding_uid) != 0 || ::setuid(flooding_uid) != 0) {
      give_up("become the flooding user (it needs root)");
    }
    static_cast<void>(drive(socket, flood, std::chrono::hours(1)));
    ::_exit(0);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // The flood is at its full height.
  result.beside = drive(socket, quiet, duration);
  ::kill(flooder, SIGKILL);
  ::waitpid(flooder, nullptr, 0);
  make_ordinary(::getpid());
  return result;
}

}  // namespace tantalus::bench
