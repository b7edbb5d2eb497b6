// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tantalus;
using test::TempDir;

namespace {

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  return fd;
}

struct stat status_of(const std::string& path) {
  struct stat found{};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found;
}

bool exists(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0;
}

}  // namespace

TEST_CASE("a bound socket listens, with its mode and group, whatever the umask", "[trap-22]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  const mode_t before = ::umask(0177);
  const auto bound = bind_unix_socket(path, 0666, gid_t{12345});
  ::umask(before);
  REQUIRE(bound);
  CHECK((status_of(path).st_mode & 07777) == 0666);
  CHECK(status_of(path).st_gid == (::geteuid() == 0 ? 12345 : ::getegid()));
  CHECK((::fcntl(bound->fd, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(bound->fd, F_GETFL) & O_NONBLOCK) != 0);
  const int client = connect_to(path);
  CHECK(client >= 0);
  ::close(client);
  ::close(bound->fd);
}

TEST_CASE("a second instance is refused and the first keeps its socket", "[trap-21]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  const auto first = bind_unix_socket(path, 0600);
  REQUIRE(first);
  const auto second = bind_unix_socket(path, 0600);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::unavailable);
  CHECK(second.error().message.find(path) != std::string::npos);
  CHECK(status_of(path).st_ino == first->inode);
  const int client = connect_to(path);
  CHECK(client >= 0);
  ::close(client);
  ::close(first->fd);
}

TEST_CASE("a socket whose listener's backlog is full counts as in use", "[trap-21]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  const auto first = bind_unix_socket(path, 0600);
  REQUIRE(first);
  REQUIRE(::listen(first->fd, 0) == 0);
  const int client = connect_to(path);
  REQUIRE(client >= 0);
  const auto second = bind_unix_socket(path, 0600);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::unavailable);
  ::close(client);
  ::close(first->fd);
}

TEST_CASE("a socket that nobody listens on is replaced", "[trap-21]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  const auto first = bind_unix_socket(path, 0600);
  REQUIRE(first);
  ::close(first->fd);  // As after a crash: the file stays.
  REQUIRE(connect_to(path) == -ECONNREFUSED);
  const auto second = bind_unix_socket(path, 0600);
  REQUIRE(second);
  const int client = connect_to(path);
  CHECK(client >= 0);
  ::close(client);
  ::close(second->fd);
}

TEST_CASE("what is no socket is left as it is", "[trap-21]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  std::ofstream(path) << "somebody's data";
  const auto bound = bind_unix_socket(path, 0600);
  REQUIRE_FALSE(bound);
  CHECK(bound.error().code == Code::misconfigured);
  std::string content;
  std::getline(std::ifstream(path) >> std::ws, content);
  CHECK(content == "somebody's data");

  const std::string link = dir / "link.sock";
  REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  CHECK_FALSE(bind_unix_socket(link, 0600));
  CHECK(S_ISLNK(status_of(link).st_mode));
}

TEST_CASE("a path longer than the kernel takes is refused, never cut", "[trap-23]") {
  const TempDir dir;
  const std::string prefix = dir / "";
  const std::string fits = prefix + std::string(107 - prefix.size(), 'a');
  const auto bound = bind_unix_socket(fits, 0600);
  REQUIRE(bound);
  CHECK(exists(fits));
  ::close(bound->fd);
  const std::string too_long = fits + "a";
  REQUIRE(too_long.size() == 108);
  const auto refused = bind_unix_socket(too_long, 0600);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("108") != std::string::npos);
  CHECK_FALSE(exists(too_long));
}

TEST_CASE("a directory, a missing directory and an empty name are refused by path") {
  const TempDir dir;
  for (const std::string& path : {dir / "", dir / "missing/a.sock", std::string()}) {
    const auto refused = bind_unix_socket(path, 0600);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("socket " + path) == 0);
  }
}

TEST_CASE("a lock that somebody holds on the directory delays the start, but does not stop it", "[trap-21]") {
  const TempDir dir;
  const int held = ::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(::flock(held, LOCK_EX) == 0);
  const auto bound = bind_unix_socket(dir / "a.sock", 0600);
  CHECK(bound);
  ::close(held);
  ::close(bound->fd);
}

TEST_CASE("of processes that start at once over a stale socket, one gets it", "[trap-21]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  for (int round = 0; round < 20; ++round) {
    constexpr int starters = 6;
    int results[2];
    int hold[2];
    REQUIRE(::pipe2(results, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(hold, O_CLOEXEC) == 0);
    for (int i = 0; i < starters; ++i) {
      if (::fork() == 0) {
        ::close(hold[1]);
        const char got = bind_unix_socket(path, 0600) ? 'y' : 'n';
        char byte = 0;
        if (::write(results[1], &got, 1) != 1) {
          ::_exit(1);
        }
        static_cast<void>(::read(hold[0], &byte, 1));  // Listens until the others have tried.
        ::_exit(0);
      }
    }
    int won = 0;
    for (int i = 0; i < starters; ++i) {
      char got = 0;
      REQUIRE(::read(results[0], &got, 1) == 1);
      won += got == 'y' ? 1 : 0;
    }
    CHECK(won == 1);
    for (const int fd : {results[0], results[1], hold[0], hold[1]}) {
      ::close(fd);
    }
    for (int i = 0; i < starters; ++i) {
      ::wait(nullptr);
    }
  }
}

TEST_CASE("a socket's file is removed while it is its own, and only then", "[trap-21]") {
  const TempDir dir;
  const std::string path = dir / "a.sock";
  const auto bound = bind_unix_socket(path, 0600);
  REQUIRE(bound);
  REQUIRE(::unlink(path.c_str()) == 0);
  const auto other = bind_unix_socket(path, 0600);
  REQUIRE(other);
  remove_unix_socket(path, *bound);
  CHECK(exists(path));
  remove_unix_socket(path, *other);
  CHECK_FALSE(exists(path));
  ::close(bound->fd);
  ::close(other->fd);
}

TEST_CASE("a socket's directory is made with its mode, and one that others may write to is refused") {
  const TempDir dir;
  const std::string path = dir / "private/a.sock";
  const mode_t before = ::umask(0077);
  CHECK(ensure_socket_directory(path, 0755));
  ::umask(before);
  CHECK((status_of(dir / "private").st_mode & 07777) == 0755);
  CHECK(ensure_socket_directory(path, 0700));
  CHECK((status_of(dir / "private").st_mode & 07777) == 0755);  // Taken as it is.
  REQUIRE(::chmod((dir / "private").c_str(), 0777) == 0);
  CHECK_FALSE(ensure_socket_directory(path, 0700));
  CHECK_FALSE(ensure_socket_directory(dir / "no/such/a.sock", 0700));
  std::ofstream(dir / "file") << "x";
  CHECK_FALSE(ensure_socket_directory(dir / "file/a.sock", 0700));
}
