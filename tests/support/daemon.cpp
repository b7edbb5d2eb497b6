// SPDX-License-Identifier: Apache-2.0
#include "tests/support/daemon.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "protocol/error.h"
#include "tests/support/command.h"

namespace tantalus::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds pause_between(5);

void give_to(const std::string& path, uid_t user) {
  check(::lchown(path.c_str(), user, user) == 0, "a file of the test can't be given away");
}

}  // namespace

bool eventually(const std::function<bool()>& condition, milliseconds within) {
  const auto until = Clock::now() + within;
  while (!condition()) {
    if (Clock::now() > until) {
      return false;
    }
    std::this_thread::sleep_for(pause_between);
  }
  return true;
}

std::string Daemon::program() {
  return TANTALUSD;
}

std::string Daemon::default_config() {
  return R"(listen:
  socket: @DIR@/run/resolve.sock
  debug_socket: @DIR@/private/debug.sock
identity:
  attestors: [user]
  domains:
    - user: 0
      domain: ops
    - user: 1001
      domain: finance
    - user: 1002
      domain: sales
default_source: file
backends:
  kubernetes:
    enabled: false
  vault:
    enabled: false
  file:
    enabled: true
    directory: @DIR@/secrets
audit:
  path: @DIR@/audit/audit.jsonl
)";
}

std::string Daemon::manifest(const std::string& object, const std::map<std::string, std::string>& values) {
  std::string text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: iomete-secret-store";
  if (!object.empty()) {
    text.append("-").append(object);
  }
  text += "\nstringData:\n";
  for (const auto& [key, value] : values) {
    text.append("  ").append(key).append(": \"").append(value).append("\"\n");
  }
  return text;
}

Daemon::Daemon() : Daemon(Options{}) {}

Daemon::Daemon(Options options) : options_(std::move(options)) {
  ::chmod(dir_.path().c_str(), 0755);
  for (const char* const folder : {"run", "secrets", "audit"}) {
    std::filesystem::create_directory(dir_ / folder);
  }
  ::chmod((dir_ / "secrets").c_str(), 0700);
  write_config(options_.config);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool is_abstract = options_.has_abstract_manager;
  manager_name_ = is_abstract ? "@" + dir_.path() : dir_ / "notify";
  manager_name_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (is_abstract) {
    address.sun_path[0] = '\0';
  }
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + manager_name_.size() + (is_abstract ? 0 : 1));
  manager_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(::bind(manager_, reinterpret_cast<const sockaddr*>(&address), size) == 0, "no notify socket");
  if (!is_abstract) {
    ::chmod(manager_name_.c_str(), 0666);
  }
}

Daemon::~Daemon() {
  if (pid_ > 0 && !ended_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(manager_);
}

void Daemon::become() {
  const int out = ::open((dir_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) {
    ::_exit(126);
  }
  for (const auto& [resource, value] : options_.limits) {
    const rlimit limit{.rlim_cur = value, .rlim_max = value};
    ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
  }
  if (options_.user) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(*options_.user, *options_.user, *options_.user) != 0 ||
        ::setresuid(*options_.user, *options_.user, *options_.user) != 0) {
      ::_exit(126);
    }
    // A leak check attaches to its own process, which only root may where it is not dumpable.
    ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  }
  ::setenv("NOTIFY_SOCKET", manager_name_.c_str(), 1);
  pass_sockets();
  for (const auto& [name, value] : options_.environment) {
    ::setenv(name.c_str(), expand(value).c_str(), 1);
  }
  std::vector<std::string> texts = options_.wrapper;
  texts.insert(texts.end(), {program(), "--config", config_path()});
  texts.insert(texts.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> words;
  for (std::string& text : texts) {
    text = expand(text);
    words.push_back(text.data());
  }
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

void Daemon::pass_sockets() const {
  if (options_.inherited.empty()) {
    return;
  }
  std::string names;
  std::vector<int> high;
  for (const auto& [name, fd] : options_.inherited) {
    names += (names.empty() ? "" : ":") + name;
    high.push_back(::fcntl(fd, F_DUPFD, 100));
  }
  for (std::size_t i = 0; i < high.size(); ++i) {
    ::dup2(high[i], 3 + static_cast<int>(i));
    ::close(high[i]);
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(high.size()).c_str(), 1);
  ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
}

void Daemon::launch() {
  if (options_.user) {
    give_to(dir_.path(), *options_.user);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      give_to(entry.path(), *options_.user);
    }
  }
  ended_.reset();
  notifications_.clear();
  while (::recv(manager_, nullptr, 0, MSG_DONTWAIT) >= 0) {  // What an earlier run said.
  }
  pid_ = ::fork();
  check(pid_ >= 0, "no process");
  if (pid_ == 0) {
    become();
  }
}

bool Daemon::start() {
  launch();
  return wait_until_ready();
}

bool Daemon::wait_until_ready() {
  return hears("READY=1");
}

void Daemon::signal(int number) const {
  // What was waited for may be another's pid by now, and -1 is everybody's.
  if (pid_ > 0 && !ended_) {
    ::kill(pid_, number);
  }
}

std::optional<int> Daemon::wait(milliseconds within) {
  static_cast<void>(eventually(
      [this] {
        int status = 0;
        if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
          ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        }
        return ended_.has_value();
      },
      within));
  return ended_;
}

std::optional<int> Daemon::stop() {
  signal(SIGTERM);
  return wait();
}

std::string Daemon::log() const {
  std::ostringstream text;
  text << std::ifstream(dir_ / "log").rdbuf();
  return text.str();
}

void Daemon::hear_some(milliseconds within) {
  pollfd one{manager_, POLLIN, 0};
  ::poll(&one, 1, static_cast<int>(within.count()));
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::recv(manager_, buffer.data(), buffer.size(), MSG_DONTWAIT)) >= 0;) {
    notifications_.append(buffer.data(), static_cast<std::size_t>(got));
    notifications_ += "\n--\n";
  }
}

const std::string& Daemon::notifications() {
  hear_some(milliseconds(0));
  return notifications_;
}

bool Daemon::hears(const std::string& text, milliseconds within) {
  const auto until = Clock::now() + within;
  while (notifications_.find(text) == std::string::npos) {
    if (Clock::now() > until || wait(milliseconds(0))) {
      return notifications().find(text) != std::string::npos;
    }
    hear_some(milliseconds(20));
  }
  return true;
}

void Daemon::write(const std::string& path, const std::string& text) const {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const std::string unfinished = path + ".unfinished";
  {
    std::ofstream file(unfinished);
    file << expand(text);
  }
  ::chmod(unfinished.c_str(), 0600);
  if (options_.user) {
    give_to(unfinished, *options_.user);
  }
  std::filesystem::rename(unfinished, path);
}

std::string Daemon::expand(std::string text) const {
  constexpr std::string_view mark = "@DIR@";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    text.replace(at, mark.size(), dir_.path());
  }
  return text;
}

std::pair<int, std::string> Daemon::http(const std::string& target, const std::vector<std::string>& arguments) const {
  std::vector<std::string> words{"curl",        "--silent",       "--max-time",    "20",
                                 "--write-out", "\n%{http_code}", "--unix-socket", debug_socket()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back("http://localhost" + target);
  Finished finished = run({.words = words});
  const std::size_t end = finished.out.rfind('\n');
  if (finished.exit_code != 0 || end == std::string::npos) {
    return {-1, finished.err};
  }
  return {std::stoi(finished.out.substr(end + 1)), finished.out.substr(0, end)};
}

}  // namespace tantalus::test
