// SPDX-License-Identifier: Apache-2.0
// What a request does while it waits for a backend.
#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/server/answers.h"
#include "agent/server/connection.h"
#include "agent/server/service.h"

namespace tantalus {
namespace {

constexpr Millis read_deadline = std::chrono::seconds(30);

}  // namespace

std::shared_ptr<Work> Service::begin_work(Connection& connection, const Call& call) {
  // Shared by its reads, each of which may be the last.
  auto work = std::make_shared<Work>();
  work->connection = &connection;
  work->msgid = call.msgid;
  work->method = call.method;
  work->max_age = call.max_age;
  work->started = loop_.now();
  work->changes = subscriptions_.changes();
  work->list_scope = call.scope;
  work->list_source = call.source;
  return work;
}

void Service::add_item(Connection& connection, Work& work, const Reference& reference, std::optional<Millis> max_age) {
  const Source source = reference.source.value_or(policy_->default_source());
  WorkItem& item = work.items.emplace_back(reference, source);
  Result<Grant> grant = authorize(connection, reference);
  if (!grant.has_value()) {
    item.error = std::move(grant.error());
    return;
  }
  const bool explains = work.method == Method::explain;
  if (const auto hit = resolver_.find(*grant, max_age, loop_.now())) {
    if (hit->entry->value.has_value()) {
      item.value = resolved_of(*hit);
    } else {
      item.error = no_such_secret();
    }
    item.cached = true;
    item.grant.emplace(*grant);
    if (!explains) {
      item_done(work, item);
      return;
    }
  }
  // Who shares a read that is under way causes none.
  const bool shares = !explains && resolver_.would_join(*grant, max_age);
  const Millis wait = shares ? Millis{0} : quota_.take_miss(connection.principal(), loop_.now());
  if (wait > Millis{0}) {
    item.value.reset();
    item.grant.reset();
    item.error = Error{Code::overloaded, "too many backend reads for this identity", wait};
    return;
  }
  if (item.cached) {
    return;
  }
  // Its caller's, not that of the store, which for the global one is everybody's.
  const Domain* domain = connection.identity()->domain();
  item.waits_for = domain != nullptr ? domain->id : DomainId::admin;
  if (!quota_.admit_wait(item.waits_for)) {
    item.error = Error{Code::overloaded, "too many requests of this domain wait", Millis{100}};
    return;
  }
  item.grant.emplace(*grant);
  item.waits = true;
  ++work.remaining;
}

void Service::start(const std::shared_ptr<Work>& work) {
  if (work->remaining == 0) {
    answer(*work);
    return;
  }
  work->references = static_cast<std::uint32_t>(work->remaining);
  work->connection->add_waiting(*work, work->references);
  for (std::size_t i = 0; i < work->items.size(); ++i) {
    WorkItem& item = work->items[i];
    if (item.waits && !gate_.enter(fetch(work, i))) {
      item.error = Error{Code::unavailable, "the agent is stopping", Millis{1'000}};
      item_done(*work, item);
    }
  }
}

Task<void> Service::fetch(std::shared_ptr<Work> work, std::size_t index) {
  WorkItem& item = work->items[index];
  StoredGrant grant = *item.grant;
  auto reading = resolver_.resolve(std::move(grant), work->max_age, loop_.now() + read_deadline, item.cancel);
  Result<Resolved> outcome = co_await reading;
  if (outcome.has_value()) {
    item.value.emplace(std::move(*outcome));
  } else {
    item.error = std::move(outcome.error());
  }
  item_done(*work, item);
}

Task<void> Service::list(std::shared_ptr<Work> work, std::vector<CatalogPlace> places) {
  auto listing = list_catalog(resolver_, std::move(places), loop_.now() + read_deadline, work->list_cancel);
  Result<std::vector<CatalogRow>> rows = co_await listing;
  if (rows.has_value()) {
    work->rows = std::move(*rows);
  } else {
    work->list_failure = std::move(rows.error());
  }
  finish(*work);
}

std::size_t Service::count_new(const Connection& connection, const Call& call) const {
  return static_cast<std::size_t>(std::ranges::count_if(call.references, [&](const BatchItem& item) {
    const Result<Grant> grant =
        item.error.has_value() ? Result<Grant>(std::unexpected(*item.error)) : authorize(connection, item.reference);
    return grant.has_value() && !subscriptions_.known(connection, *grant).has_value();
  }));
}

/// At once, not when the batch is answered: a change in between must not be lost.
void Service::subscribe(Work& work, WorkItem& item) {
  const bool gone = item.error.has_value() && item.error->code == Code::not_found;
  if (!item.grant.has_value() || (!item.value.has_value() && !gone)) {
    return;
  }
  item.subscribed = subscriptions_.add(*work.connection, *item.grant,
                                       item.value.has_value() ? std::optional(item.value->value.share()) : std::nullopt,
                                       item.value.has_value() ? item.value->version : std::string(), work.changes);
}

/// When the batch is answered: what it asked for and did not get is given back, and it tells of each value what was
/// told of it last, which may be a change that came while the others were waited for.
void Service::settle_subscriptions(Work& work) {
  std::size_t added = 0;
  for (WorkItem& item : work.items) {
    added += item.subscribed ? 1 : 0;
    if (item.grant.has_value() && (!item.error.has_value() || item.error->code == Code::not_found)) {
      item.known = subscriptions_.known(*work.connection, item.grant->view());
    }
  }
  work.connection->release_subscriptions(work.subscriptions - added);
}

void Service::item_done(Work& work, WorkItem& item) {
  if (work.method == Method::subscribe && work.connection != nullptr && work.connection->is_open()) {
    subscribe(work, item);
  }
  if (item.waits) {
    quota_.release_wait(item.waits_for);
    if (--work.remaining == 0) {
      finish(work);
    }
  }
}

void Service::finish(Work& work) {
  if (work.connection == nullptr) {
    return;
  }
  work.connection->remove_waiting(work, work.references);
  began_ = work.started;
  answer(work);
}

}  // namespace tantalus
