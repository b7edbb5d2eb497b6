// SPDX-License-Identifier: Apache-2.0
// The C functions: each checks its arguments, and says what to do in the terms of Calls.
#include <stdlib.h>

#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "client/include/tantalus/tantalus.h"
#include "client/src/calls.h"
#include "client/src/failure.h"
#include "client/src/locked.h"
#include "client/src/reference_text.h"
#include "client/src/reply.h"
#include "protocol/limits.h"
#include "protocol/request.h"

struct tantalus_client {
  explicit tantalus_client(std::shared_ptr<tantalus::client::LockedHeap> heap) : calls(std::move(heap)) {}
  tantalus::client::Calls calls;
};

namespace tantalus::client {
namespace {

constexpr const char* default_socket = "/run/tantalus/resolve.sock";
constexpr const char* default_name = "libtantalus/" TANTALUS_VERSION_TEXT;

Failure missing(const char* what) {
  return {TANTALUS_INVALID_REQUEST, 0, std::string(what) + " is NULL"};
}

std::optional<Millis> to_max_age(std::int64_t max_age_ms) {
  return max_age_ms < 0 ? std::nullopt : std::optional(Millis(max_age_ms));
}

/// Where a started call goes: null and a failure when it could not be started.
struct Started {
  Call* call = nullptr;
  Failure failure;
};

Started prepare(tantalus_client* client, Wanted wanted) {
  if (client == nullptr) {
    return {nullptr, missing("client")};
  }
  client->calls.notice_fork();
  Call* const call = client->calls.prepare(wanted);
  if (call == nullptr) {
    return {nullptr, {TANTALUS_OVERLOADED, 0, "1024 calls of this client are under way or not taken"}};
  }
  return {call, {}};
}

Started submit(tantalus_client* client, Started started, bool may_block) {
  if (started.failure.failed()) {
    client->calls.drop(started.call->number);
    return {nullptr, std::move(started.failure)};
  }
  if (!started.call->done) {
    started.failure = client->calls.submit(*started.call, may_block);
  }
  if (started.failure.failed()) {
    started.call = nullptr;
  }
  return started;
}

Started start_one(tantalus_client* client, const char* reference, std::int64_t max_age_ms, Wanted wanted,
                  bool may_block) {
  Started started = prepare(client, wanted);
  if (started.call == nullptr) {
    return started;
  }
  Call& call = *started.call;
  if (reference == nullptr) {
    started.failure = missing("reference");
    return submit(client, std::move(started), may_block);
  }
  Result<ReferenceText> text = read_reference(reference);
  if (!text) {
    started.failure = to_failure(text.error());
    return submit(client, std::move(started), may_block);
  }
  call.references.push_back(std::move(*text));
  if (wanted == Wanted::secret) {
    request::resolve(call.request, call.number, call.references.front().view(), to_max_age(max_age_ms));
  } else {
    request::explain(call.request, call.number, call.references.front().view());
  }
  return submit(client, std::move(started), may_block);
}

/// A reference that can't be read fails alone, in its row.
Started start_many(tantalus_client* client, const char* const* references, std::size_t count, std::int64_t max_age_ms,
                   Wanted wanted, bool may_block) {
  Started started = prepare(client, wanted);
  if (started.call == nullptr) {
    return started;
  }
  Call& call = *started.call;
  if (references == nullptr && count > 0) {
    return submit(client, {started.call, missing("references")}, may_block);
  }
  if (count > limits::max_batch) {
    const Failure too_many{TANTALUS_TOO_LARGE, 0, "more than 256 references in one call"};
    return submit(client, {started.call, too_many}, may_block);
  }
  std::vector<Reference> good;
  for (std::size_t i = 0; i < count; ++i) {
    Result<ReferenceText> text =
        references[i] == nullptr ? fail(Code::invalid_request, "the reference is NULL") : read_reference(references[i]);
    call.refused.push_back(text ? Failure{} : to_failure(text.error()));
    call.references.push_back(text ? std::move(*text) : ReferenceText{});
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!call.refused[i].failed()) {
      good.push_back(call.references[i].view());
    }
  }
  if (good.empty()) {
    call.done = true;
    call.reply = std::make_unique<tantalus_reply>();
    for (Failure& refused : call.refused) {
      call.reply->rows.emplace_back().failure = std::move(refused);
    }
  } else if (wanted == Wanted::batch) {
    request::resolve_many(call.request, call.number, good, to_max_age(max_age_ms));
  } else {
    request::subscribe(call.request, call.number, good);
  }
  return submit(client, std::move(started), may_block);
}

Started start_list(tantalus_client* client, const char* scope, const char* source, bool may_block) {
  Started started = prepare(client, Wanted::catalog);
  if (started.call == nullptr) {
    return started;
  }
  std::optional<Scope> wanted_scope;
  std::optional<Source> wanted_source;
  if (scope != nullptr) {
    wanted_scope = scope_from_text(scope);
    if (!wanted_scope) {
      started.failure = {TANTALUS_INVALID_REQUEST, 0, "scope must be domain, global or admin"};
    }
  }
  if (source != nullptr) {
    wanted_source = source_from_text(source);
    if (!wanted_source) {
      started.failure = {TANTALUS_INVALID_REQUEST, 0, "source must be kubernetes, vault or file"};
    }
  }
  request::list(started.call->request, started.call->number, wanted_scope, wanted_source);
  return submit(client, std::move(started), may_block);
}

Started start_whoami(tantalus_client* client, bool may_block) {
  Started started = prepare(client, Wanted::members);
  if (started.call != nullptr) {
    request::whoami(started.call->request, started.call->number);
    return submit(client, std::move(started), may_block);
  }
  return started;
}

Started start_ping(tantalus_client* client, bool may_block) {
  Started started = prepare(client, Wanted::nothing);
  if (started.call != nullptr) {
    request::ping(started.call->request, started.call->number);
    return submit(client, std::move(started), may_block);
  }
  return started;
}

/// The outcome of a call that is done, whose number is free afterwards.
tantalus_status take(tantalus_client* client, Call& call, tantalus_secret** secret, tantalus_reply** reply,
                     tantalus_error* error) {
  const Failure failure = std::move(call.failure);
  if (secret != nullptr) {
    *secret = call.secret.release();
  }
  if (reply != nullptr) {
    *reply = call.reply.release();
  }
  client->calls.drop(call.number);
  return tell(failure, error);
}

tantalus_status finish(tantalus_client* client, const Started& started, tantalus_secret** secret,
                       tantalus_reply** reply, tantalus_error* error) {
  if (started.call == nullptr) {
    return tell(started.failure, error);
  }
  if (!started.call->done) {
    client->calls.await(*started.call);
  }
  return take(client, *started.call, secret, reply, error);
}

tantalus_status hand_out(const Started& started, std::uint32_t* call, tantalus_error* error) {
  if (started.call == nullptr) {
    return tell(started.failure, error);
  }
  *call = started.call->number;
  return TANTALUS_OK;
}

tantalus_status take_number(tantalus_client* client, std::uint32_t number, tantalus_secret** secret,
                            tantalus_reply** reply, tantalus_error* error) {
  client->calls.notice_fork();
  Call* const call = client->calls.find(number);
  if (call == nullptr || (call->wanted == Wanted::secret) != (secret != nullptr)) {
    return tell({TANTALUS_INVALID_REQUEST, 0, "no such call, or one with another kind of answer"}, error);
  }
  if (!call->done) {
    return tell({TANTALUS_PENDING, 0, "no answer yet"}, error);
  }
  return take(client, *call, secret, reply, error);
}

}  // namespace

// What follows is C, and so the same as what the header declares, whatever namespace it is defined in.
extern "C" {

const char* tantalus_version(void) {
  return TANTALUS_VERSION_TEXT;
}

const char* tantalus_status_name(tantalus_status status) {
  switch (status) {
    case TANTALUS_OK:
      return "ok";
    case TANTALUS_INVALID_REQUEST:
      return "invalid_request";
    case TANTALUS_UNAUTHENTICATED:
      return "unauthenticated";
    case TANTALUS_PERMISSION_DENIED:
      return "permission_denied";
    case TANTALUS_NOT_FOUND:
      return "not_found";
    case TANTALUS_TOO_LARGE:
      return "too_large";
    case TANTALUS_OVERLOADED:
      return "overloaded";
    case TANTALUS_UNAVAILABLE:
      return "unavailable";
    case TANTALUS_MISCONFIGURED:
      return "misconfigured";
    case TANTALUS_INTERNAL:
      return "internal";
    case TANTALUS_NO_AGENT:
      return "no_agent";
    case TANTALUS_TIMED_OUT:
      return "timed_out";
    case TANTALUS_PENDING:
      return "pending";
    case TANTALUS_OUT_OF_MEMORY:
      return "out_of_memory";
  }
  return "unknown";
}

int tantalus_status_is_retryable(tantalus_status status) {
  return status == TANTALUS_OVERLOADED || status == TANTALUS_UNAVAILABLE || status == TANTALUS_INTERNAL ||
         status == TANTALUS_NO_AGENT || status == TANTALUS_TIMED_OUT;
}

tantalus_status tantalus_uri_new(const char* reference, const char* source, const char* scope, const char* id,
                                 const char* field, uint32_t version, char** uri, tantalus_error* error) {
  if (uri == nullptr) {
    return tell(missing("uri"), error);
  }
  *uri = nullptr;
  if (reference == nullptr) {
    return tell(missing("reference"), error);
  }
  tantalus::Result<tantalus::ReferenceText> text = read_reference(reference);
  if (!text) {
    return tell(to_failure(text.error()), error);
  }
  if (Failure failure = amend(*text, {source, scope, id, field, version}); failure.failed()) {
    return tell(failure, error);
  }
  const std::string written = tantalus::to_uri(text->view());
  *uri = strdup(written.c_str());
  return *uri != nullptr ? TANTALUS_OK : tell({TANTALUS_OUT_OF_MEMORY, 0, "no memory for a URI"}, error);
}

void tantalus_uri_free(char* uri) {
  free(uri);
}

tantalus_client* tantalus_client_new(void) {
  std::shared_ptr<LockedHeap> heap = LockedHeap::make();
  if (heap == nullptr) {
    return nullptr;
  }
  auto* const client = new (std::nothrow) tantalus_client(std::move(heap));
  if (client != nullptr) {
    const char* const socket = secure_getenv("TANTALUS_SOCKET");
    client->calls.socket = socket != nullptr && *socket != '\0' ? socket : default_socket;
    client->calls.name = default_name;
  }
  return client;
}

void tantalus_client_free(tantalus_client* client) {
  delete client;
}

tantalus_status tantalus_client_set_socket(tantalus_client* client, const char* path, tantalus_error* error) {
  if (client == nullptr || path == nullptr) {
    return tell(missing(client == nullptr ? "client" : "path"), error);
  }
  client->calls.disconnect();
  client->calls.socket = path;
  return TANTALUS_OK;
}

tantalus_status tantalus_client_set_token_file(tantalus_client* client, const char* path, tantalus_error* error) {
  if (client == nullptr) {
    return tell(missing("client"), error);
  }
  client->calls.disconnect();
  client->calls.token_file = path == nullptr ? "" : path;
  return TANTALUS_OK;
}

tantalus_status tantalus_client_set_name(tantalus_client* client, const char* name, tantalus_error* error) {
  if (client == nullptr) {
    return tell(missing("client"), error);
  }
  if (name != nullptr && strlen(name) > tantalus::limits::max_client_name) {
    return tell({TANTALUS_INVALID_REQUEST, 0, "a client's name is at most 128 bytes"}, error);
  }
  client->calls.name = name == nullptr ? default_name : name;
  return TANTALUS_OK;
}

void tantalus_client_set_timeout(tantalus_client* client, int64_t timeout_ms) {
  // What is longer than poll(2) can wait is as good as none.
  constexpr int64_t longest = INT32_MAX;
  if (client != nullptr) {
    client->calls.timeout =
        timeout_ms < 0 || timeout_ms > longest ? tantalus::Millis::max() : tantalus::Millis(timeout_ms);
  }
}

int tantalus_client_memory_is_locked(const tantalus_client* client) {
  return client != nullptr && client->calls.heap().is_locked();
}

void tantalus_client_disconnect(tantalus_client* client) {
  if (client != nullptr) {
    client->calls.notice_fork();
    client->calls.disconnect();
  }
}

tantalus_status tantalus_resolve(tantalus_client* client, const char* reference, int64_t max_age_ms,
                                 tantalus_secret** secret, tantalus_error* error) {
  if (secret == nullptr) {
    return tell(missing("secret"), error);
  }
  *secret = nullptr;
  return finish(client, start_one(client, reference, max_age_ms, Wanted::secret, true), secret, nullptr, error);
}

tantalus_status tantalus_resolve_many(tantalus_client* client, const char* const* references, size_t count,
                                      int64_t max_age_ms, tantalus_reply** reply, tantalus_error* error) {
  if (reply == nullptr) {
    return tell(missing("reply"), error);
  }
  *reply = nullptr;
  return finish(client, start_many(client, references, count, max_age_ms, Wanted::batch, true), nullptr, reply, error);
}

tantalus_status tantalus_explain(tantalus_client* client, const char* reference, tantalus_reply** reply,
                                 tantalus_error* error) {
  if (reply == nullptr) {
    return tell(missing("reply"), error);
  }
  *reply = nullptr;
  return finish(client, start_one(client, reference, TANTALUS_ANY_AGE, Wanted::members, true), nullptr, reply, error);
}

tantalus_status tantalus_list(tantalus_client* client, const char* scope, const char* source, tantalus_reply** reply,
                              tantalus_error* error) {
  if (reply == nullptr) {
    return tell(missing("reply"), error);
  }
  *reply = nullptr;
  return finish(client, start_list(client, scope, source, true), nullptr, reply, error);
}

tantalus_status tantalus_whoami(tantalus_client* client, tantalus_reply** reply, tantalus_error* error) {
  if (reply == nullptr) {
    return tell(missing("reply"), error);
  }
  *reply = nullptr;
  return finish(client, start_whoami(client, true), nullptr, reply, error);
}

tantalus_status tantalus_hello(tantalus_client* client, tantalus_reply** reply, tantalus_error* error) {
  if (reply == nullptr) {
    return tell(missing("reply"), error);
  }
  *reply = nullptr;
  Started started = prepare(client, Wanted::members);
  if (started.call != nullptr) {
    tantalus::request::hello(started.call->request, started.call->number, client->calls.name, std::nullopt);
    started = submit(client, std::move(started), true);
  }
  return finish(client, started, nullptr, reply, error);
}

tantalus_status tantalus_ping(tantalus_client* client, tantalus_error* error) {
  return finish(client, start_ping(client, true), nullptr, nullptr, error);
}

tantalus_status tantalus_subscribe(tantalus_client* client, const char* const* references, size_t count,
                                   tantalus_reply** reply, tantalus_error* error) {
  if (reply == nullptr) {
    return tell(missing("reply"), error);
  }
  *reply = nullptr;
  return finish(client, start_many(client, references, count, TANTALUS_ANY_AGE, Wanted::subscriptions, true), nullptr,
                reply, error);
}

tantalus_status tantalus_next_change(tantalus_client* client, int64_t timeout_ms, tantalus_reply** change,
                                     tantalus_error* error) {
  if (client == nullptr || change == nullptr) {
    return tell(missing(client == nullptr ? "client" : "change"), error);
  }
  *change = nullptr;
  client->calls.notice_fork();
  auto reply = std::make_unique<tantalus_reply>();
  const tantalus::Instant deadline =
      timeout_ms < 0 || timeout_ms > INT32_MAX ? tantalus::Instant::max() : now() + tantalus::Millis(timeout_ms);
  if (Failure failure = client->calls.await_change(deadline, reply->rows.emplace_back()); failure.failed()) {
    return tell(failure, error);
  }
  *change = reply.release();
  return TANTALUS_OK;
}

tantalus_status tantalus_start_resolve(tantalus_client* client, const char* reference, int64_t max_age_ms,
                                       uint32_t* call, tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_one(client, reference, max_age_ms, Wanted::secret, false), call, error);
}

tantalus_status tantalus_start_resolve_many(tantalus_client* client, const char* const* references, size_t count,
                                            int64_t max_age_ms, uint32_t* call, tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_many(client, references, count, max_age_ms, Wanted::batch, false), call, error);
}

tantalus_status tantalus_start_explain(tantalus_client* client, const char* reference, uint32_t* call,
                                       tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_one(client, reference, TANTALUS_ANY_AGE, Wanted::members, false), call, error);
}

tantalus_status tantalus_start_list(tantalus_client* client, const char* scope, const char* source, uint32_t* call,
                                    tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_list(client, scope, source, false), call, error);
}

tantalus_status tantalus_start_whoami(tantalus_client* client, uint32_t* call, tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_whoami(client, false), call, error);
}

tantalus_status tantalus_start_ping(tantalus_client* client, uint32_t* call, tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_ping(client, false), call, error);
}

tantalus_status tantalus_start_subscribe(tantalus_client* client, const char* const* references, size_t count,
                                         uint32_t* call, tantalus_error* error) {
  if (call == nullptr) {
    return tell(missing("call"), error);
  }
  *call = 0;
  return hand_out(start_many(client, references, count, TANTALUS_ANY_AGE, Wanted::subscriptions, false), call, error);
}

int tantalus_fd(const tantalus_client* client) {
  return client == nullptr ? -1 : client->calls.fd();
}

short tantalus_events(const tantalus_client* client) {
  return client == nullptr ? short{0} : client->calls.events();
}

int tantalus_wait_ms(const tantalus_client* client) {
  return client == nullptr ? -1 : client->calls.wait_ms();
}

void tantalus_process(tantalus_client* client) {
  if (client != nullptr) {
    client->calls.notice_fork();
    client->calls.process();
  }
}

tantalus_status tantalus_take_secret(tantalus_client* client, uint32_t call, tantalus_secret** secret,
                                     tantalus_error* error) {
  if (client == nullptr || secret == nullptr) {
    return tell(missing(client == nullptr ? "client" : "secret"), error);
  }
  *secret = nullptr;
  return take_number(client, call, secret, nullptr, error);
}

tantalus_status tantalus_take_reply(tantalus_client* client, uint32_t call, tantalus_reply** reply,
                                    tantalus_error* error) {
  if (client == nullptr) {
    return tell(missing("client"), error);
  }
  if (reply != nullptr) {
    *reply = nullptr;
  }
  return take_number(client, call, nullptr, reply, error);
}

tantalus_status tantalus_take_change(tantalus_client* client, tantalus_reply** change, tantalus_error* error) {
  if (client == nullptr || change == nullptr) {
    return tell(missing(client == nullptr ? "client" : "change"), error);
  }
  *change = nullptr;
  client->calls.notice_fork();
  auto reply = std::make_unique<tantalus_reply>();
  if (Failure failure = client->calls.take_change(reply->rows.emplace_back()); failure.failed()) {
    return tell(failure, error);
  }
  *change = reply.release();
  return TANTALUS_OK;
}

void tantalus_cancel(tantalus_client* client, uint32_t call) {
  if (client != nullptr) {
    client->calls.drop(call);
  }
}

}  // extern "C"

}  // namespace tantalus::client
