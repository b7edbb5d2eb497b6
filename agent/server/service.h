// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/audit/audit.h"
#include "agent/policy/policy.h"
#include "agent/resolve/resolver.h"
#include "agent/resolve/subscriptions.h"
#include "agent/server/quota.h"
#include "agent/server/work.h"
#include "backends/async/gate.h"
#include "protocol/message.h"
#include "protocol/reply.h"

namespace tantalus {

class Connection;
class Output;

/// What the agent answers: the method table, one function a method. A cached reference is answered where it stands,
/// with no allocation, lock or wait; what isn't cached becomes a Work that its reads answer. Loop thread only.
class Service {
 public:
  struct Options {
    std::string agent;  ///< "tantalusd/1.2.3", for `hello`.
    bool secrets_v2 = true;
    bool allow_weak_peer = false;
  };
  struct Counters {
    std::array<std::array<std::uint64_t, 10>, 8> requests{};  ///< By Method, then Code; the last is ok.
    std::uint64_t notifications = 0;
    std::uint64_t bad_requests = 0;
  };

  Service(Loop& loop, Quota& quota, Resolver& resolver, Subscriptions& subscriptions, Audit& audit, Gate& gate,
          std::unique_ptr<const Policy> policy, Options options);

  void serve(Connection& connection, const Call& call);
  /// Answers a request that could not be read, or a frame (msgid 0).
  void refuse(Connection& connection, std::uint32_t msgid, const Error& error);
  /// For who was turned away before there was a connection.
  void count_refusal(Code code);
  void count_notification() noexcept { ++counters_.notifications; }

  void reconfigure(std::unique_ptr<const Policy> policy, Options options);
  [[nodiscard]] const Policy& policy() const noexcept { return *policy_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  void on_hello(Connection& connection, const Call& call);
  void on_resolve(Connection& connection, const Call& call);
  void on_batch(Connection& connection, const Call& call);
  void on_explain(Connection& connection, const Call& call);
  void on_list(Connection& connection, const Call& call);
  void on_whoami(Connection& connection, const Call& call);
  void on_ping(Connection& connection, const Call& call);

  /// Leave to read, with what the policy can't see: the flag, the attestation's own failure, the admin's pinned sender.
  [[nodiscard]] Result<Grant> authorize(const Connection& connection, const Reference& reference) const;
  /// The pinned process must be alive and itself the sender, and pinned well (promise 2, trap 20).
  [[nodiscard]] bool may_use_admin_scope(const Connection& connection) const;
  [[nodiscard]] Result<std::vector<CatalogPlace>> list_places(const Connection& connection, std::optional<Scope> scope,
                                                              std::optional<Source> source) const;
  [[nodiscard]] std::optional<Error> gate_closed(const Connection& connection) const;

  [[nodiscard]] std::shared_ptr<Work> begin_work(Connection& connection, const Call& call);
  /// Takes what waiting costs, or notes why it may not wait; what is cached needs no wait.
  void add_item(Connection& connection, Work& work, const Reference& reference, std::optional<Millis> max_age);
  void start(const std::shared_ptr<Work>& work);
  [[nodiscard]] Task<void> fetch(std::shared_ptr<Work> work, std::size_t index);
  [[nodiscard]] Task<void> list(std::shared_ptr<Work> work, std::vector<CatalogPlace> places);
  /// How many subscriptions a call would add to those that its connection has.
  [[nodiscard]] std::size_t count_new(const Connection& connection, const Call& call) const;
  void subscribe(Work& work, WorkItem& item);
  void settle_subscriptions(Work& work);
  void item_done(Work& work, WorkItem& item);
  void finish(Work& work);

  void answer(Work& work);
  void answer_item(Work& work, WorkItem& item, Output& output);
  void answer_explain(Work& work);
  void answer_list(Work& work);
  void answer_hit(Connection& connection, std::uint32_t msgid, const Reference& reference, const Grant& grant,
                  const Resolver::Hit& hit);
  void answer_cached_batch(Connection& connection, const Call& call);
  void answer_error(Connection& connection, const Call& call, const Reference* reference, const Error& error);

  /// Adds the line of one answer, and counts it.
  void record(const Connection& connection, Method method, const Reference& reference, Source source,
              const Error* error, const SecretHead* head, std::chrono::nanoseconds took);
  void record_list(const Connection& connection, std::optional<Scope> scope, std::optional<Source> source,
                   const Error* error, std::chrono::nanoseconds took);
  static void name_caller(const Connection& connection, AuditRecord& line);
  [[nodiscard]] std::chrono::nanoseconds took() noexcept;
  void count(Method method, std::optional<Code> code) noexcept;

  Loop& loop_;
  Quota& quota_;
  Resolver& resolver_;
  Subscriptions& subscriptions_;
  Audit& audit_;
  Gate& gate_;
  std::unique_ptr<const Policy> policy_;
  Options options_;
  Counters counters_;
  Instant began_{};  ///< When the frame being served was begun.
};

}  // namespace tantalus
