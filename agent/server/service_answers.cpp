// SPDX-License-Identifier: Apache-2.0
// What is answered, and the line that each answer leaves.
#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/server/answers.h"
#include "agent/server/connection.h"
#include "agent/server/service.h"
#include "protocol/reply.h"

namespace tantalus {
namespace {

constexpr Code ok_slot = static_cast<Code>(9);

AuditEvent event_of(Method method) noexcept {
  switch (method) {
    case Method::explain:
      return AuditEvent::explain;
    case Method::list:
      return AuditEvent::list;
    case Method::subscribe:
      return AuditEvent::subscribe;
    default:
      return AuditEvent::resolve;
  }
}

}  // namespace

void Service::answer(Work& work) {
  if (work.method == Method::list) {
    answer_list(work);
    return;
  }
  // The world may have changed while it waited: leave is asked for again before anything is sent (trap 124).
  for (WorkItem& item : work.items) {
    if (!item.grant.has_value()) {
      continue;
    }
    const Result<Grant> grant = authorize(*work.connection, item.reference());
    if (!grant.has_value() || !(*grant == item.grant->view())) {
      item.value.reset();
      item.error = grant.has_value() ? Error{Code::permission_denied, std::string(permission_denied_text), Millis{0}}
                                     : grant.error();
    }
  }
  if (work.method == Method::explain) {
    answer_explain(work);
    return;
  }
  if (work.method == Method::subscribe) {
    settle_subscriptions(work);
  }
  Output& output = work.connection->begin_reply(work.msgid, true);
  if (is_batch(work.method)) {
    reply::batch(output.bytes(), work.msgid, work.items.size());
  }
  for (WorkItem& item : work.items) {
    answer_item(work, item, output);
  }
}

void Service::answer_item(Work& work, WorkItem& item, Output& output) {
  const Connection& connection = *work.connection;
  const std::chrono::nanoseconds spent = loop_.precise_now() - work.started;
  if (item.known.has_value()) {
    const std::string_view version = item.known->version.has_value() ? *item.known->version : std::string_view{};
    SecretHead head = item.value.has_value() ? head_of(item) : head_of(item.reference(), item.source, {}, std::nullopt);
    head.version = version;
    reply::batch_subscription(output.bytes(), head, item.known->version.has_value());
    record(connection, work.method, item.reference(), item.source,
           item.known->version.has_value() ? nullptr : &no_such_secret(),
           item.known->version.has_value() ? &head : nullptr, spent);
    return;
  }
  if (!item.value.has_value()) {
    const Error& error = *item.error;
    if (work.method == Method::subscribe && error.code == Code::not_found && item.grant.has_value()) {
      reply::batch_subscription(output.bytes(), head_of(item.reference(), item.source, {}, std::nullopt), false);
    } else if (is_batch(work.method)) {
      reply::batch_error(output.bytes(), error);
    } else {
      reply::error(output.bytes(), work.msgid, error);
    }
    record(connection, work.method, item.reference(), item.source, &error, nullptr, spent);
    return;
  }
  const SecretHead head = head_of(item);
  const std::size_t size = item.value->value.size();
  if (work.method == Method::subscribe) {
    reply::batch_subscription(output.bytes(), head, true);
  } else if (work.method == Method::resolve_many) {
    reply::batch_secret(output.bytes(), head, size);
    output.add_value(std::move(item.value->value));
  } else {
    reply::secret(output.bytes(), work.msgid, head, size);
    output.add_value(std::move(item.value->value));
  }
  record(connection, work.method, item.reference(), item.source, nullptr, &head, spent);
}

void Service::answer_explain(Work& work) {
  WorkItem& item = work.items.front();
  const std::chrono::nanoseconds spent = loop_.precise_now() - work.started;
  const bool told = item.value.has_value() || (item.error.has_value() && item.grant.has_value());
  if (!told) {
    reply::error(work.connection->begin_reply(work.msgid, true).bytes(), work.msgid, *item.error);
    record(*work.connection, work.method, item.reference(), item.source, &*item.error, nullptr, spent);
    return;
  }
  reply::Explanation explanation;
  explanation.allowed = true;
  explanation.rule = work.connection->identity()->rule();
  BackendState state;
  if (const Backend* backend = resolver_.backend(item.source)) {
    state = backend->state(item.grant->view().object);
  }
  explanation.backend_state = to_text(state.health);
  explanation.backend_why = state.why;
  explanation.found = item.value.has_value();
  explanation.cached = item.cached;
  if (item.value.has_value()) {
    explanation.age = item.value->age;
    explanation.hint = "a resolve would answer it";
  } else if (item.error->code == Code::not_found) {
    explanation.hint = "no such secret in the caller's own reach";
  } else {
    explanation.hint = item.error->message;
  }
  reply::explanation(work.connection->begin_reply(work.msgid, true).bytes(), work.msgid, explanation);
  record(*work.connection, work.method, item.reference(), item.source, item.error.has_value() ? &*item.error : nullptr,
         nullptr, spent);
}

void Service::answer_list(Work& work) {
  const std::chrono::nanoseconds spent = loop_.precise_now() - work.started;
  // As answer() does: what it may list no longer is not told (trap 124).
  const auto places = list_places(*work.connection, work.list_scope, work.list_source);
  const bool still = places.has_value() && std::ranges::all_of(work.places, [&](const CatalogPlace& place) {
                       return std::ranges::find(*places, place) != places->end();
                     });
  if (!still) {
    work.list_failure = places.has_value()
                            ? Error{Code::permission_denied, std::string(permission_denied_text), Millis{0}}
                            : places.error();
  }
  Output& output = work.connection->begin_reply(work.msgid, true);
  if (work.list_failure.has_value()) {
    reply::error(output.bytes(), work.msgid, *work.list_failure);
  } else {
    std::vector<reply::CatalogLine> lines;
    lines.reserve(work.rows.size());
    for (const CatalogRow& row : work.rows) {
      lines.push_back({row.entry.key,
                       row.source,
                       row.scope,
                       {},
                       row.entry.version,
                       row.entry.updated_by,
                       row.entry.updated_at,
                       row.error.has_value() ? &*row.error : nullptr});
    }
    reply::catalog(output.bytes(), work.msgid, lines);
  }
  record_list(*work.connection, work.list_scope, work.list_source,
              work.list_failure.has_value() ? &*work.list_failure : nullptr, spent);
}

void Service::answer_hit(Connection& connection, std::uint32_t msgid, const Reference& reference, const Grant& grant,
                         const Resolver::Hit& hit) {
  Output& output = connection.begin_reply(msgid, true);
  if (!hit.entry->value.has_value()) {
    reply::error(output.bytes(), msgid, no_such_secret());
    record(connection, Method::resolve, reference, grant.source, &no_such_secret(), nullptr, took());
    return;
  }
  const SecretHead head = head_of(reference, grant.source, hit);
  reply::secret(output.bytes(), msgid, head, hit.entry->value->size());
  output.add_value(hit.entry->value->share());
  record(connection, Method::resolve, reference, grant.source, nullptr, &head, took());
}

void Service::answer_error(Connection& connection, const Call& call, const Reference* reference, const Error& error) {
  const bool audited = call.method != Method::hello && call.method != Method::whoami;
  reply::error(connection.begin_reply(call.msgid, audited).bytes(), call.msgid, error);
  if (!audited) {
    count(call.method, error.code);
    return;
  }
  if (call.method == Method::list) {
    record_list(connection, call.scope, call.source, &error, took());
    return;
  }
  const Reference nothing;
  const Reference& of = reference != nullptr ? *reference : nothing;
  record(connection, call.method, of, of.source.value_or(policy_->default_source()), &error, nullptr, took());
}

void Service::refuse(Connection& connection, std::uint32_t msgid, const Error& error) {
  ++counters_.bad_requests;
  reply::error(connection.begin_reply(msgid, false).bytes(), msgid, error);
  AuditRecord line;
  line.event = AuditEvent::refuse;
  line.failure = error.code;
  name_caller(connection, line);
  audit_.record(line);
}

void Service::count_refusal(Code code) {
  ++counters_.bad_requests;
  AuditRecord line;
  line.event = AuditEvent::refuse;
  line.failure = code;
  audit_.record(line);
}

// --- the trail ---

void Service::name_caller(const Connection& connection, AuditRecord& line) {
  line.who = connection.identity();
  line.has_peer = true;
  line.unattested_pid = connection.peer().pid();
  line.unattested_uid = connection.peer().uid();
}

void Service::record(const Connection& connection, Method method, const Reference& reference, Source source,
                     const Error* error, const SecretHead* head, std::chrono::nanoseconds took) {
  AuditRecord line;
  line.event = event_of(method);
  name_caller(connection, line);
  line.source = source;
  line.scope = reference.scope;
  line.id = reference.id;
  line.key = reference.key;
  line.took = took;
  if (error != nullptr) {
    line.failure = error->code;
  }
  if (head != nullptr) {
    line.version = head->version;
    line.of_value = true;
    line.cached = head->cached;
    line.stale = head->stale;
    line.age = head->age;
  }
  audit_.record(line);
  count(method, line.failure);
}

void Service::record_list(const Connection& connection, std::optional<Scope> scope, std::optional<Source> source,
                          const Error* error, std::chrono::nanoseconds took) {
  AuditRecord line;
  line.event = AuditEvent::list;
  name_caller(connection, line);
  line.source = source;
  line.scope = scope;
  line.took = took;
  if (error != nullptr) {
    line.failure = error->code;
  }
  audit_.record(line);
  count(Method::list, line.failure);
}

/// Since the frame before: one reading of the clock a request.
std::chrono::nanoseconds Service::took() noexcept {
  const Instant now = loop_.precise_now();
  const std::chrono::nanoseconds spent = now - began_;
  began_ = now;
  return spent;
}

void Service::count(Method method, std::optional<Code> code) noexcept {
  const auto slot = static_cast<std::size_t>(code.value_or(ok_slot));
  ++counters_.requests[static_cast<std::size_t>(method)][slot];
}

}  // namespace tantalus
