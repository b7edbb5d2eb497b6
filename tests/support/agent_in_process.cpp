// SPDX-License-Identifier: Apache-2.0
#include "tests/support/agent_in_process.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tantalus::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result.has_value()) {
    throw std::runtime_error(result.error().message);
  }
  return std::move(*result);
}

}  // namespace

AgentInProcess::AgentInProcess(Options options) : reader(options.limits.max_batch) {
  std::string name = (std::filesystem::temp_directory_path() / "tantalus-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("mkdtemp");
  }
  directory_ = name;
  socket_path_ = directory_ + "/resolve.sock";
  if (options.audit.path == AuditConfig().path) {
    options.audit.path = directory_ + "/audit.jsonl";
  }
  audit_path_ = options.audit.path;
  arena = must(Arena::make({.bytes = options.cache.memory}));
  const std::size_t share = options.cache.memory / 100 * options.cache.per_domain_percent;
  cache = std::make_unique<Cache>(*arena, Cache::Options{.per_domain = share, .per_domain_floor = share / 8});
  arena->set_reclaimer([this](std::size_t bytes) { return cache->reclaim(bytes, DomainId::none); });
  backend = std::make_unique<WaitingBackend>(*arena, loop);
  audit = must(Audit::open(options.audit, loop, "test"));
  resolver =
      std::make_unique<Resolver>(*cache, loop,
                                 FreshnessRules{options.cache.ttl, options.cache.stale_if_error,
                                                options.cache.negative_ttl, options.cache.refresh_ahead_percent});
  resolver->set_backend(Source::file, *backend);
  gate = std::make_unique<Gate>();
  resolver->set_gate(*gate);
  subscriptions = std::make_unique<Subscriptions>(*resolver, loop, *gate);
  resolver->set_place_listener(
      [this](Source source, IntegrationId integration, std::string_view object, std::string_view key) {
        subscriptions->on_place_changed(source, integration, object, key);
      });
  IdentityConfig identity;
  identity.attestors = {AttestorKind::user};
  if (options.with_domain) {
    RuleConfig rule;
    rule.user = std::to_string(::getuid());
    rule.domain = "mine";
    identity.domains.push_back(rule);
  }
  if (options.admin) {
    RuleConfig rule;
    rule.user = std::to_string(::getuid());
    identity.admins.push_back(rule);
  }
  std::vector<std::unique_ptr<Attestor>> attestors;
  attestors.push_back(make_user_attestor());
  attestation = std::make_unique<Attestation>(
      std::move(attestors), must(Rules::compile(identity, "iomete-secret-store", domains, false)), false);
  quota = std::make_unique<Quota>(options.limits);
  auto policy = std::make_unique<const Policy>(
      Policy::Sources{.default_source = Source::file, .kubernetes = false, .file = true, .vault = false});
  service = std::make_unique<Service>(loop, *quota, *resolver, *subscriptions, *audit, *gate, std::move(policy),
                                      Service::Options{.agent = "tantalusd/test"});
  turns = std::make_unique<Turn>(loop, *audit, *gate);
  const auto closes = [](void* owner) { static_cast<Connection*>(owner)->close_now(); };
  const std::array lengths{options.limits.first_frame, options.limits.frame_timeout, options.limits.write_timeout,
                           Millis{1'000}};
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    deadlines_[i] = std::make_unique<Deadlines>(loop, lengths[i], closes);
  }
  constexpr std::size_t scratch = 64 * limits::KiB;
  scratch_ = arena->allocate(scratch);
  parts_ = std::make_unique<ServerParts>(ServerParts{loop, *quota, *turns, *service, nullptr, *attestation, *gate,
                                                     *subscriptions, reader,
                                                     std::span(static_cast<std::byte*>(scratch_), scratch),
                                                     *deadlines_[0], *deadlines_[1], *deadlines_[2], *deadlines_[3]});
  bound_ = must(bind_unix_socket(socket_path_, 0666));
  listener = std::make_unique<Listener>(*parts_, bound_.fd);
  loop.set_before_sleep([this] {
    turns->finish();
    if (after_turn) {
      after_turn();
    }
  });
  stop_ = std::make_unique<Timer>(loop, [this] { loop.stop(); });
  listener->start();
}

AgentInProcess::~AgentInProcess() {
  gate.reset();
  listener.reset();
  parts_.reset();
  for (auto& deadlines : deadlines_) {
    deadlines.reset();
  }
  turns.reset();
  service.reset();
  subscriptions.reset();
  arena->free(scratch_);
  stop_.reset();
  ::close(bound_.fd);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void AgentInProcess::turn() {
  stop_->arm(loop.now() + Millis{2});
  loop.run();
}

bool AgentInProcess::until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    turn();
  }
  return true;
}

std::string AgentInProcess::audit_text() const {
  std::ifstream file(audit_path_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace tantalus::test
