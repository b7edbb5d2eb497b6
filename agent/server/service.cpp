// SPDX-License-Identifier: Apache-2.0
#include "agent/server/service.h"

#include <chrono>
#include <utility>

#include "agent/server/answers.h"
#include "agent/server/connection.h"
#include "agent/server/who.h"
#include "protocol/reply.h"

namespace tantalus {

Service::Service(Loop& loop, Quota& quota, Resolver& resolver, Subscriptions& subscriptions, Audit& audit, Gate& gate,
                 std::unique_ptr<const Policy> policy, Options options)
    : loop_(loop),
      quota_(quota),
      resolver_(resolver),
      subscriptions_(subscriptions),
      audit_(audit),
      gate_(gate),
      policy_(std::move(policy)),
      options_(std::move(options)) {}

void Service::reconfigure(std::unique_ptr<const Policy> policy, Options options) {
  policy_ = std::move(policy);
  options_ = std::move(options);
}

void Service::serve(Connection& connection, const Call& call) {
  if (began_ < loop_.now()) {
    began_ = loop_.now();
  }
  switch (call.method) {
    case Method::hello:
      return on_hello(connection, call);
    case Method::resolve:
      return on_resolve(connection, call);
    case Method::resolve_many:
    case Method::subscribe:
      return on_batch(connection, call);
    case Method::explain:
      return on_explain(connection, call);
    case Method::list:
      return on_list(connection, call);
    case Method::whoami:
      return on_whoami(connection, call);
    case Method::ping:
      return on_ping(connection, call);
  }
}

// --- who may ---

std::optional<Error> Service::gate_closed(const Connection& connection) const {
  if (connection.identity() == nullptr) {
    return connection.attestation_failure();
  }
  if (!options_.secrets_v2) {
    return Error{Code::unavailable, "secrets are switched off here: features.secretsV2.enabled is false", Millis{0}};
  }
  return std::nullopt;
}

Result<Grant> Service::authorize(const Connection& connection, const Reference& reference) const {
  if (std::optional<Error> closed = gate_closed(connection)) {
    return std::unexpected(std::move(*closed));
  }
  Result<Grant> grant = policy_->authorize(connection.identity(), reference);
  if (grant.has_value() && grant->scope == Scope::admin && !may_use_admin_scope(connection)) {
    return fail(Code::permission_denied, std::string(permission_denied_text));
  }
  return grant;
}

Result<std::vector<CatalogPlace>> Service::list_places(const Connection& connection, std::optional<Scope> scope,
                                                       std::optional<Source> source) const {
  if (std::optional<Error> closed = gate_closed(connection)) {
    return std::unexpected(std::move(*closed));
  }
  Result<std::vector<CatalogPlace>> places = catalog_places(*policy_, connection.identity(), scope, source);
  if (places.has_value() && !may_use_admin_scope(connection)) {
    std::erase_if(*places, [](const CatalogPlace& place) { return place.scope == Scope::admin; });
    if (places->empty()) {
      return fail(Code::permission_denied, std::string(permission_denied_text));
    }
  }
  return places;
}

bool Service::may_use_admin_scope(const Connection& connection) const {
  const bool is_weak = connection.peer().rung() == PeerRung::weak && !options_.allow_weak_peer;
  return !is_weak && connection.sender_is_pinned();
}

// --- the methods ---

void Service::on_ping(Connection& connection, const Call& call) {
  reply::pong(connection.begin_reply(call.msgid, false).bytes(), call.msgid);
  count(call.method, std::nullopt);
}

void Service::on_hello(Connection& connection, const Call& call) {
  if (call.token.has_value()) {
    connection.set_saw_token();
    if (!connection.is_first_request()) {
      answer_error(connection, call, nullptr,
                   {Code::invalid_request, "`token` belongs into the connection's first request", Millis{0}});
      return;
    }
    answer_error(
        connection, call, nullptr,
        {Code::unauthenticated, "this node attests no tokens: `token` is not in identity.attestors", Millis{0}});
    return;
  }
  const LimitsConfig& limits = quota_.limits();
  const reply::HelloLimits told{limits.max_frame, limits.max_value, limits.max_batch, limits.max_inflight};
  const Identity* identity = connection.identity();
  reply::Who who;
  if (identity != nullptr) {
    who = who_of(*identity);
  }
  reply::hello(connection.begin_reply(call.msgid, false).bytes(), call.msgid, options_.agent, limits::protocol_version,
               identity != nullptr ? &who : nullptr, told);
  count(call.method, std::nullopt);
}

void Service::on_whoami(Connection& connection, const Call& call) {
  const Identity* identity = connection.identity();
  if (identity == nullptr) {
    answer_error(connection, call, nullptr, connection.attestation_failure());
    return;
  }
  reply::whoami(connection.begin_reply(call.msgid, false).bytes(), call.msgid, who_of(*identity));
  count(call.method, std::nullopt);
}

void Service::on_resolve(Connection& connection, const Call& call) {
  const Result<Grant> grant = authorize(connection, call.reference);
  if (!grant.has_value()) {
    answer_error(connection, call, &call.reference, grant.error());
    return;
  }
  if (const auto hit = resolver_.find(*grant, call.max_age, loop_.now())) {
    answer_hit(connection, call.msgid, call.reference, *grant, *hit);
    if (hit->freshness.wants_refresh) {
      resolver_.refresh(*grant);
    }
    return;
  }
  const auto work = begin_work(connection, call);
  add_item(connection, *work, call.reference, call.max_age);
  start(work);
}

void Service::on_batch(Connection& connection, const Call& call) {
  const std::size_t subscriptions = call.method == Method::subscribe ? count_new(connection, call) : 0;
  if (subscriptions > 0 && connection.subscriptions() + subscriptions > quota_.limits().max_batch) {
    answer_error(connection, call, nullptr, {Code::too_large, "too many subscriptions on one connection", Millis{0}});
    return;
  }
  // A batch that is wholly cached is written straight away, without a Work.
  if (call.method == Method::resolve_many) {
    bool all_cached = true;
    for (const BatchItem& item : call.references) {
      if (item.error.has_value()) {
        continue;
      }
      const Result<Grant> grant = authorize(connection, item.reference);
      all_cached = all_cached && (!grant.has_value() || resolver_.has(*grant, call.max_age, loop_.now()));
      if (!all_cached) {
        break;
      }
    }
    if (all_cached) {
      answer_cached_batch(connection, call);
      return;
    }
  }
  const auto work = begin_work(connection, call);
  work->subscriptions = subscriptions;
  connection.reserve_subscriptions(subscriptions);
  for (const BatchItem& item : call.references) {
    if (item.error.has_value()) {
      const Source source = item.reference.source.value_or(policy_->default_source());
      work->items.emplace_back(item.reference, source).error = item.error;
    } else {
      add_item(connection, *work, item.reference, call.max_age);
    }
  }
  start(work);
}

void Service::answer_cached_batch(Connection& connection, const Call& call) {
  Output& output = connection.begin_reply(call.msgid, true);
  reply::batch(output.bytes(), call.msgid, call.references.size());
  std::vector<StoredGrant> aging;
  for (const BatchItem& item : call.references) {
    const Reference& reference = item.reference;
    const Source source = reference.source.value_or(policy_->default_source());
    const Error* error = item.error.has_value() ? &*item.error : nullptr;
    Result<Grant> grant = error != nullptr ? Result<Grant>(std::unexpected(*error)) : authorize(connection, reference);
    if (!grant.has_value()) {
      reply::batch_error(output.bytes(), grant.error());
      record(connection, call.method, reference, source, &grant.error(), nullptr, took());
      continue;
    }
    const auto hit = resolver_.find(*grant, call.max_age, loop_.now());
    check(hit.has_value(), "what was cached is gone within one call");
    if (!hit->entry->value.has_value()) {
      reply::batch_error(output.bytes(), no_such_secret());
      record(connection, call.method, reference, source, &no_such_secret(), nullptr, took());
      continue;
    }
    const SecretHead head = head_of(reference, source, *hit);
    reply::batch_secret(output.bytes(), head, hit->entry->value->size());
    output.add_value(hit->entry->value->share());
    record(connection, call.method, reference, source, nullptr, &head, took());
    if (hit->freshness.wants_refresh) {
      aging.emplace_back(*grant);
    }
  }
  for (const StoredGrant& grant : aging) {  // Last: what is read may evict what is still to be answered.
    resolver_.refresh(grant.view());
  }
}

void Service::on_explain(Connection& connection, const Call& call) {
  const Result<Grant> grant = authorize(connection, call.reference);
  if (!grant.has_value()) {
    if (grant.error().code != Code::permission_denied) {
      answer_error(connection, call, &call.reference, grant.error());
      return;
    }
    reply::Explanation denied;
    denied.hint = "the caller's identity may not use that scope or source; `whoami` tells what it is";
    reply::explanation(connection.begin_reply(call.msgid, true).bytes(), call.msgid, denied);
    record(connection, call.method, call.reference, call.reference.source.value_or(policy_->default_source()),
           &grant.error(), nullptr, took());
    return;
  }
  const auto work = begin_work(connection, call);
  add_item(connection, *work, call.reference, std::nullopt);
  start(work);
}

void Service::on_list(Connection& connection, const Call& call) {
  Result<std::vector<CatalogPlace>> places = list_places(connection, call.scope, call.source);
  if (!places.has_value()) {
    answer_error(connection, call, nullptr, places.error());
    return;
  }
  const Millis wait = quota_.take_miss(connection.principal(), loop_.now());
  if (wait > Millis{0}) {
    answer_error(connection, call, nullptr, {Code::overloaded, "too many backend reads for this identity", wait});
    return;
  }
  const auto work = begin_work(connection, call);
  work->places = *places;
  work->references = 1;
  work->remaining = 1;
  connection.add_waiting(*work, work->references);
  if (!gate_.enter(list(work, std::move(*places)))) {
    work->list_failure = Error{Code::unavailable, "the agent is stopping", Millis{1'000}};
    finish(*work);
  }
}

}  // namespace tantalus
