// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/cli/argument.h"
#include "client/cli/options.h"
#include "client/cli/problem.h"
#include "client/include/tantalus/tantalus.h"

namespace tantalus::cli {

struct SecretDeleter {
  void operator()(tantalus_secret* secret) const noexcept { tantalus_secret_free(secret); }
};
using SecretHandle = std::unique_ptr<tantalus_secret, SecretDeleter>;
struct ReplyDeleter {
  void operator()(tantalus_reply* reply) const noexcept { tantalus_reply_free(reply); }
};
using ReplyHandle = std::unique_ptr<tantalus_reply, ReplyDeleter>;

[[nodiscard]] std::span<const std::byte> value_of(const tantalus_secret& secret) noexcept;

/// The outcome for one reference: a secret, none for `optional=true` that is not found, or why not.
struct Answer {
  tantalus_status status = TANTALUS_OK;
  std::uint32_t retry_after_ms = 0;
  std::string why;
  SecretHandle secret;
};

/// The library, asked again while `--wait` lasts.
class Agent {
 public:
  /// Makes no connection. `--wait` and `--token` come from the options, else TANTALUS_WAIT.
  [[nodiscard]] static Outcome<Agent> make(const Common& common);

  /// An answer for each, in order.
  [[nodiscard]] std::vector<Answer> resolve(std::span<const Argument> arguments);
  [[nodiscard]] Outcome<ReplyHandle> explain(const Argument& argument);
  [[nodiscard]] Outcome<ReplyHandle> list(const char* scope, const char* source);
  [[nodiscard]] Outcome<ReplyHandle> whoami();
  [[nodiscard]] Outcome<void> ping();
  [[nodiscard]] Outcome<ReplyHandle> subscribe(std::span<const Argument> arguments);
  /// Blocks until something changes.
  [[nodiscard]] Outcome<ReplyHandle> next_change();

 private:
  struct ClientDeleter {
    void operator()(tantalus_client* client) const noexcept { tantalus_client_free(client); }
  };
  explicit Agent(tantalus_client* client) : client_(client) {}

  void resolve_some(std::span<const Argument> arguments, std::span<Answer> answers);
  template <class Ask>
  Outcome<ReplyHandle> ask(const std::string& what, Ask ask);

  std::unique_ptr<tantalus_client, ClientDeleter> client_;
  std::optional<Millis> wait_;
  std::int64_t max_age_ = TANTALUS_ANY_AGE;
};

/// Pauses between tries: 50 ms doubling to 2 s, half of each by chance, so that a node's pods don't ask in step.
class Backoff {
 public:
  explicit Backoff(std::optional<Millis> lasts);
  /// Sleeps, at least `at_least` where the agent said so. False: no time is left.
  [[nodiscard]] bool sleep(Millis at_least);

 private:
  std::int64_t end_ms_ = 0;
  std::int64_t pause_ms_ = 50;
  bool forever_ = false;
};

}  // namespace tantalus::cli
