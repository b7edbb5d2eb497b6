// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.h"

namespace tantalus::test {

/// The real tantalusd in a folder of its own, on the embedded store. Made, then started; ended with this object. In its
/// texts `@DIR@` stands for the folder.
class Daemon {
 public:
  struct Options {
    std::string config = default_config();
    std::map<std::string, std::string> environment = {};
    std::optional<uid_t> user = {};                          ///< Runs as this uid and gid, to whom the folder is given.
    std::vector<std::pair<int, unsigned long>> limits = {};  ///< RLIMIT_…, soft and hard.
    std::vector<std::string> wrapper = {};    ///< Words before the daemon's, such as systemd-socket-activate's.
    std::vector<std::string> arguments = {};  ///< After --config.
    /// Listening sockets passed as systemd does, by name; the test keeps them.
    std::vector<std::pair<std::string, int>> inherited = {};
    bool has_abstract_manager = false;  ///< NOTIFY_SOCKET is an abstract name.
  };
  /// Sockets `@DIR@/run/resolve.sock` and `@DIR@/private/debug.sock`, manifests in `@DIR@/secrets`, audit in
  /// `@DIR@/audit/audit.jsonl`; uid 0 is of the domain `ops`, 1001 of `finance`, 1002 of `sales`.
  [[nodiscard]] static std::string default_config();
  /// A Kubernetes Secret of the store's prefix: object `ops` and so on; empty for the global one.
  [[nodiscard]] static std::string manifest(const std::string& object,
                                            const std::map<std::string, std::string>& values);

  Daemon();
  explicit Daemon(Options options);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Runs it and waits until it says READY=1 to its service manager, which is this object. False: it ended before.
  [[nodiscard]] bool start();
  /// Runs it and returns. It may run again after its end.
  void launch();
  [[nodiscard]] bool wait_until_ready();
  void signal(int number) const;
  /// Its exit code, or less than 0 the signal that ended it; unset: it did not end in this time.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds within = std::chrono::seconds(30));
  /// SIGTERM and wait().
  [[nodiscard]] std::optional<int> stop();

  [[nodiscard]] static std::string program();
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] std::string dir() const { return dir_.path(); }
  [[nodiscard]] std::string socket() const { return dir_ / "run/resolve.sock"; }
  [[nodiscard]] std::string debug_socket() const { return dir_ / "private/debug.sock"; }
  [[nodiscard]] std::string config_path() const { return dir_ / "tantalusd.yaml"; }
  [[nodiscard]] std::string secrets() const { return dir_ / "secrets"; }
  [[nodiscard]] std::string audit() const { return dir_ / "audit/audit.jsonl"; }
  /// What it wrote to standard error and output so far.
  [[nodiscard]] std::string log() const;
  /// All notifications so far, each ended by a line of dashes.
  [[nodiscard]] const std::string& notifications();
  /// Waits until this stands in the notifications.
  [[nodiscard]] bool hears(const std::string& text, std::chrono::milliseconds within = std::chrono::seconds(30));

  /// Whole or not at all, by a rename; the folder is made where it is missing.
  void write(const std::string& path, const std::string& text) const;
  void write_config(const std::string& text) const { write(config_path(), text); }
  void write_manifest(const std::string& file, const std::string& text) const { write(secrets() + "/" + file, text); }
  /// Of the debug socket, by the real curl: status and body. `arguments` go before the address.
  [[nodiscard]] std::pair<int, std::string> http(const std::string& target,
                                                 const std::vector<std::string>& arguments = {}) const;

 private:
  void pass_sockets() const;
  void hear_some(std::chrono::milliseconds within);
  [[nodiscard]] std::string expand(std::string text) const;
  [[noreturn]] void become();

  TempDir dir_;
  Options options_;
  pid_t pid_ = -1;
  int manager_ = -1;
  std::string manager_name_;
  std::string notifications_;
  std::optional<int> ended_;
};

/// Waits for a condition, asking every few milliseconds; false: it did not come true in this time.
[[nodiscard]] bool eventually(const std::function<bool()>& condition,
                              std::chrono::milliseconds within = std::chrono::seconds(20));

}  // namespace tantalus::test
