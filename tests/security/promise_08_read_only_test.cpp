// SPDX-License-Identifier: Apache-2.0
// Backends are only read: the store is watched while everything is asked of the daemon, and is the same afterwards.
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "agent/process/harden.h"
#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/daemon.h"

using namespace tantalus;
using namespace tantalus::test;

namespace {

/// All that a write could change of a file or a directory.
std::string look_of(const std::string& path) {
  struct stat is{};
  if (::lstat(path.c_str(), &is) != 0) {
    return "gone";
  }
  std::string look = std::to_string(is.st_ino) + " " + std::to_string(is.st_mode) + " " + std::to_string(is.st_uid) +
                     " " + std::to_string(is.st_size) + " " + std::to_string(is.st_mtim.tv_sec) + "." +
                     std::to_string(is.st_mtim.tv_nsec) + " " + std::to_string(is.st_ctim.tv_sec) + "." +
                     std::to_string(is.st_ctim.tv_nsec);
  if (S_ISREG(is.st_mode)) {
    std::ifstream file(path, std::ios::binary);
    look += " " + std::string(std::istreambuf_iterator<char>(file), {});
  }
  return look;
}

std::map<std::string, std::string> looks_of(const std::string& directory) {
  std::map<std::string, std::string> looks{{directory, look_of(directory)}};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    looks[entry.path()] = look_of(entry.path());
  }
  return looks;
}

/// Hears of everything that changes anything below a directory.
class Watcher {
 public:
  explicit Watcher(const std::string& directory) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    REQUIRE(::inotify_add_watch(fd_, directory.c_str(),
                                IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE |
                                    IN_DELETE_SELF | IN_MOVE_SELF) >= 0);
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher() { ::close(fd_); }
  [[nodiscard]] bool heard() const {
    std::array<char, 4096> events{};
    return ::read(fd_, events.data(), events.size()) > 0;
  }

 private:
  int fd_;
};

void ask_everything(const Daemon& daemon) {
  Reference reference;
  reference.key = "k";
  Reference absent;
  absent.key = "absent";
  const auto answers =
      ask_as(::getuid(), daemon.socket(),
             {to_resolve(reference), to_resolve(absent), to_resolve_many(reference), to_explain(reference), to_list(),
              to_subscribe(reference), to_hello(), to_whoami(), to_ping()});
  CHECK(answers[0] == "v");
  CHECK(answers[1].starts_with("!not_found"));
  CHECK(daemon.http("/v1/cache", {"-X", "DELETE"}).first == 200);
  CHECK(ask_as(::getuid(), daemon.socket(), {to_resolve(reference)})[0] == "v");
}

void write_store(const Daemon& daemon) {
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  daemon.write_manifest(
      "global.json",
      R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"iomete-secret-store"},"stringData":{}})");
  daemon.write_manifest("broken.yaml", "kind: [");
}

}  // namespace

TEST_CASE("whatever is asked of it, the daemon leaves its store as it is", "[promise-8]") {
  Daemon daemon;
  write_store(daemon);
  const auto before = looks_of(daemon.secrets());
  const Watcher watcher(daemon.secrets());
  REQUIRE(daemon.start());
  ask_everything(daemon);
  daemon.signal(SIGHUP);
  CHECK(daemon.hears("RELOADING=1"));
  ask_everything(daemon);
  for (const auto& descriptor : std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.pid()) + "/fd")) {
    std::error_code gone;
    const std::string leads_to = std::filesystem::read_symlink(descriptor.path(), gone).string();
    CHECK_FALSE(leads_to.starts_with(daemon.secrets()));  // None is kept open, for whatever purpose.
  }
  CHECK(daemon.stop() == 0);
  CHECK_FALSE(watcher.heard());
  CHECK(looks_of(daemon.secrets()) == before);
  // The watcher and the looks would have told.
  std::ofstream(daemon.secrets() + "/ops.yaml", std::ios::app) << '\n';
  CHECK(watcher.heard());
  CHECK(looks_of(daemon.secrets()) != before);
}

TEST_CASE("a store that can't be written serves as well", "[promise-8]") {
  if (::geteuid() != 0) {
    SKIP("needs root to mount the store read-only");
  }
  Daemon daemon;
  write_store(daemon);
  const std::string store = daemon.secrets();
  if (::mount(store.c_str(), store.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      ::mount(nullptr, store.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
    SKIP("this machine makes no read-only mount");
  }
  CHECK(::open((store + "/new").c_str(), O_WRONLY | O_CREAT, 0600) < 0);
  if (daemon.start()) {
    ask_everything(daemon);
    CHECK(daemon.stop() == 0);
  } else {
    FAIL_CHECK("it did not start");
  }
  ::umount2(store.c_str(), MNT_DETACH);
}

TEST_CASE("once it is hardened, the kernel itself lets nothing be written to the store", "[promise-8][promise-12]") {
  Daemon daemon;
  write_store(daemon);
  const auto before = looks_of(daemon.secrets());
  const Ended ended = in_child([&](int out) {
    // As the daemon does, for its own folders.
    HardenPlan plan;
    plan.writable = {daemon.dir() + "/audit"};
    plan.sockets = {daemon.dir() + "/run"};
    for (const HardeningStep& step : harden(plan)) {
      if (step.step == "landlock" && !step.in_force) {
        return 77;
      }
    }
    const std::string file = daemon.secrets() + "/ops.yaml";
    const auto denied = [&](bool failed, const char* what) {
      if (!failed || errno != EACCES) {
        say(out, std::string(what) + " ");
      }
    };
    denied(::open(file.c_str(), O_WRONLY) < 0, "open");
    denied(::open(file.c_str(), O_RDWR | O_TRUNC) < 0, "truncate");
    denied(::open((file + ".new").c_str(), O_WRONLY | O_CREAT, 0600) < 0, "create");
    denied(::unlink(file.c_str()) != 0, "unlink");
    denied(::rename(file.c_str(), (file + ".moved").c_str()) != 0, "rename");
    denied(::mkdir((daemon.secrets() + "/new").c_str(), 0700) != 0, "mkdir");
    const int reads = ::open(file.c_str(), O_RDONLY);
    if (reads < 0) {
      say(out, "read ");
    }
    return 0;
  });
  if (ended.exited_with(77)) {
    SKIP("this kernel has no Landlock");
  }
  CHECK(ended.said.empty());
  CHECK(ended.exited_with(0));
  CHECK(looks_of(daemon.secrets()) == before);
}
