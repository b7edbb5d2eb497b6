/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tantalus: secrets by reference, from the agent on this node.
 *
 *     tantalus_client* client = tantalus_client_new();
 *     tantalus_secret* secret = NULL;
 *     tantalus_error error;
 *     if (tantalus_resolve(client, "db-password", TANTALUS_ANY_AGE, &secret, &error) != TANTALUS_OK) {
 *       fprintf(stderr, "%s\n", error.message);
 *     } else {
 *       use(tantalus_secret_data(secret), tantalus_secret_size(secret));
 *     }
 *     tantalus_secret_free(secret);
 *     tantalus_client_free(client);
 *
 * Conventions, for every function below:
 *
 * Ownership. What a `_new` or a call hands out through a pointer to a pointer is the caller's, to be given back to the
 *   `_free` of its type. Every `_free` takes NULL, and wipes what it frees. `const` pointers that are returned are
 *   borrowed: they live as long as the object that they were asked of. Arguments are borrowed for the call.
 * Threads. A client, and everything asked of it, is used by one thread at a time; different clients are independent.
 *   A secret or a reply belongs to nobody but its holder: any thread may read or free it, and several may read it.
 * Errors. What can fail returns a status, TANTALUS_OK or why not. `error` is the caller's struct and may be NULL; it is
 *   filled when the status is not TANTALUS_OK, and never holds a value or a token. Out parameters are then NULL or 0.
 * NULL. Where an argument may be NULL its function says so; elsewhere NULL is TANTALUS_INVALID_REQUEST.
 * Order of arguments. The object, what goes in, what comes out, the error.
 * Strings are UTF-8 and end in NUL; values are any bytes, followed by a NUL that their size does not count.
 * Times. `…_at` is Unix time in milliseconds, `…_ms` a duration.
 * Memory. Values lie in memory that is locked where the system lets a process lock it, kept out of core dumps, and
 *   absent in a forked child: there a secret's size is 0.
 * fork(). A client may be used in the child, where it makes a connection of its own; calls under way stay the parent's.
 *   Neither process closes or reads the other's connection.
 * Signals. None is raised (no SIGPIPE), none is blocked; an interrupted call goes on until its deadline.
 *
 * A REFERENCE is text: the URI `tantalus://SOURCE/KEY[?scope=…][&id=…][&version=…][#FIELD]`, where an empty SOURCE is
 * the agent's default, or a bare KEY. With `default=TEXT` in it, TEXT stands for a secret that is not found; with
 * `optional=true` a call that finds none is TANTALUS_OK and hands out NULL.
 */
#ifndef TANTALUS_TANTALUS_H
#define TANTALUS_TANTALUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TANTALUS_API __attribute__((visibility("default")))
#define TANTALUS_MUST_USE __attribute__((warn_unused_result))
#else
#define TANTALUS_API
#define TANTALUS_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** 1 to 9 are the protocol's error codes; the rest arise on this side. */
typedef enum tantalus_status {
  TANTALUS_OK = 0,
  TANTALUS_INVALID_REQUEST = 1,
  TANTALUS_UNAUTHENTICATED = 2,
  TANTALUS_PERMISSION_DENIED = 3,
  TANTALUS_NOT_FOUND = 4,
  TANTALUS_TOO_LARGE = 5,
  TANTALUS_OVERLOADED = 6,
  TANTALUS_UNAVAILABLE = 7,
  TANTALUS_MISCONFIGURED = 8,
  TANTALUS_INTERNAL = 9,
  TANTALUS_NO_AGENT = 10,  /**< Nobody answers on the socket, or the connection ended before the answer. */
  TANTALUS_TIMED_OUT = 11, /**< The client's timeout passed. */
  TANTALUS_PENDING = 12,   /**< Non-blocking calls: no answer yet. */
  TANTALUS_OUT_OF_MEMORY = 13
} tantalus_status;

/** Why something failed. The message is for people. */
typedef struct tantalus_error {
  tantalus_status status;
  uint32_t retry_after_ms; /**< 0: not said. */
  char message[504];
} tantalus_error;

typedef struct tantalus_client tantalus_client;
typedef struct tantalus_secret tantalus_secret;
typedef struct tantalus_reply tantalus_reply;

/** For `max_age_ms`: whatever the agent holds. 0: the backend is read. n: what it holds, if at most n old. */
#define TANTALUS_ANY_AGE INT64_C(-1)
/** For timeouts: none. */
#define TANTALUS_NO_TIMEOUT INT64_C(-1)
/** References in one call, and references that a client may be subscribed to. */
#define TANTALUS_MAX_BATCH 256

/** The version of the library in use, such as "0.1.0". */
TANTALUS_API const char* tantalus_version(void);
/** "not_found" and so on; "unknown" for what is no status. */
TANTALUS_API const char* tantalus_status_name(tantalus_status status);
/** 1 if asking again later can help, else 0. */
TANTALUS_API int tantalus_status_is_retryable(tantalus_status status);

/**
 * The URI of a reference, checked. `reference` is a URI or a key; what else is not NULL (not 0) is set in it. To be
 * freed with tantalus_uri_free().
 */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_uri_new(const char* reference, const char* source,
                                                                const char* scope, const char* id, const char* field,
                                                                uint32_t version, char** uri, tantalus_error* error);
TANTALUS_API void tantalus_uri_free(char* uri);

/* ---- Clients: one connection to the agent ---------------------------------------------------------------------- */

/** No connection is made before the first call. NULL when out of memory. */
TANTALUS_API tantalus_client* tantalus_client_new(void);
TANTALUS_API void tantalus_client_free(tantalus_client* client);

/** The agent's socket. Without it: TANTALUS_SOCKET of the environment, else /run/tantalus/resolve.sock. */
TANTALUS_API tantalus_status tantalus_client_set_socket(tantalus_client* client, const char* path,
                                                        tantalus_error* error);
/** A file with a projected service-account token, read anew for every connection and shown to the agent. NULL: none. */
TANTALUS_API tantalus_status tantalus_client_set_token_file(tantalus_client* client, const char* path,
                                                            tantalus_error* error);
/** "name/version" of the program, for the agent to know; sent with a token or tantalus_hello(). NULL: the library's. */
TANTALUS_API tantalus_status tantalus_client_set_name(tantalus_client* client, const char* name, tantalus_error* error);
/** The time that each later call may take, connecting included: 10 s unless set; TANTALUS_NO_TIMEOUT. NULL: nothing. */
TANTALUS_API void tantalus_client_set_timeout(tantalus_client* client, int64_t timeout_ms);
/** 1 if the memory for values is locked, 0 if this process may not lock memory (see RLIMIT_MEMLOCK). */
TANTALUS_API int tantalus_client_memory_is_locked(const tantalus_client* client);
/** Closes the connection, if there is one; the next call makes another. Calls under way end with TANTALUS_NO_AGENT. */
TANTALUS_API void tantalus_client_disconnect(tantalus_client* client);

/*
 * ---- Blocking calls ----
 * Each waits for its answer, TANTALUS_TIMED_OUT at the latest. A connection that ended while idle is made again once,
 * silently. Statuses are those of the protocol's table, and TANTALUS_NO_AGENT.
 */

/** The value of one reference. `*secret` is NULL for an `optional=true` that is not found. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_resolve(tantalus_client* client, const char* reference,
                                                                int64_t max_age_ms, tantalus_secret** secret,
                                                                tantalus_error* error);
/**
 * A row for each reference, in order, with a secret, an error, or neither (`optional=true`). TANTALUS_OK says only that
 * the call was answered: a bad reference fails alone, in its row. At most TANTALUS_MAX_BATCH references.
 */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_resolve_many(tantalus_client* client,
                                                                     const char* const* references, size_t count,
                                                                     int64_t max_age_ms, tantalus_reply** reply,
                                                                     tantalus_error* error);
/** What a resolve would do, without the value: one row (docs/protocol.md, "explain"; `backend.state`, `backend.why`).
 */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_explain(tantalus_client* client, const char* reference,
                                                                tantalus_reply** reply, tantalus_error* error);
/** What this caller may resolve, a row each. `scope` and `source` filter; NULL: all. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_list(tantalus_client* client, const char* scope,
                                                             const char* source, tantalus_reply** reply,
                                                             tantalus_error* error);
/** Who the agent takes this process for: one row. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_whoami(tantalus_client* client, tantalus_reply** reply,
                                                               tantalus_error* error);
/** The agent's name, its protocol, `identity.…` and `limits.…`: one row. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_hello(tantalus_client* client, tantalus_reply** reply,
                                                              tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_ping(tantalus_client* client, tantalus_error* error);

/**
 * Asks to hear of changes; adds to what was asked before. A row for each reference with what it is: key, source, scope,
 * id and version (NULL: not there yet), or an error. When the connection is made again, so are the subscriptions, and a
 * version that differs from the last one known is reported as a change.
 */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_subscribe(tantalus_client* client,
                                                                  const char* const* references, size_t count,
                                                                  tantalus_reply** reply, tantalus_error* error);
/**
 * Waits for a change, at most `timeout_ms` (TANTALUS_NO_TIMEOUT: for ever): one row with key, source, scope, id and
 * version, where NULL means that it went. TANTALUS_TIMED_OUT: none came. TANTALUS_NO_AGENT: the agent is gone; calling
 * again tries to reach it again.
 */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_next_change(tantalus_client* client, int64_t timeout_ms,
                                                                    tantalus_reply** change, tantalus_error* error);

/*
 * ---- Non-blocking calls, for event loops ----
 * Start calls; wait until tantalus_fd() is ready for tantalus_events(), or tantalus_wait_ms() has passed; then
 * tantalus_process(), and take what is there. The descriptor may change whenever a function of the client was called:
 * ask again before each wait. Many calls may be under way, and answers come in any order.
 */

/** Each starts a call and hands out its number, for taking its answer; arguments as above. Never blocks. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_resolve(tantalus_client* client, const char* reference,
                                                                      int64_t max_age_ms, uint32_t* call,
                                                                      tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_resolve_many(tantalus_client* client,
                                                                           const char* const* references, size_t count,
                                                                           int64_t max_age_ms, uint32_t* call,
                                                                           tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_explain(tantalus_client* client, const char* reference,
                                                                      uint32_t* call, tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_list(tantalus_client* client, const char* scope,
                                                                   const char* source, uint32_t* call,
                                                                   tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_whoami(tantalus_client* client, uint32_t* call,
                                                                     tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_ping(tantalus_client* client, uint32_t* call,
                                                                   tantalus_error* error);
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_start_subscribe(tantalus_client* client,
                                                                        const char* const* references, size_t count,
                                                                        uint32_t* call, tantalus_error* error);

/** The connection's descriptor, to wait on and nothing else; -1 without a connection. */
TANTALUS_API int tantalus_fd(const tantalus_client* client);
/** What to wait for, as poll(2) says it: POLLIN, perhaps with POLLOUT; 0 without a connection. */
TANTALUS_API short tantalus_events(const tantalus_client* client);
/** The longest to wait before tantalus_process(), in milliseconds; -1: any time. */
TANTALUS_API int tantalus_wait_ms(const tantalus_client* client);
/** Sends and receives what can be without blocking. Failures of calls are told when they are taken. */
TANTALUS_API void tantalus_process(tantalus_client* client);

/** The answer of a tantalus_start_resolve(): TANTALUS_PENDING, or it is taken and the number is free again. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_take_secret(tantalus_client* client, uint32_t call,
                                                                    tantalus_secret** secret, tantalus_error* error);
/** The answer of any other call. `reply` may be NULL for a ping. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_take_reply(tantalus_client* client, uint32_t call,
                                                                   tantalus_reply** reply, tantalus_error* error);
/** The next change that has come, as tantalus_next_change(); TANTALUS_PENDING: none. */
TANTALUS_API TANTALUS_MUST_USE tantalus_status tantalus_take_change(tantalus_client* client, tantalus_reply** change,
                                                                    tantalus_error* error);
/** Forgets a call; its answer is wiped when it comes. Numbers that are not known are ignored. */
TANTALUS_API void tantalus_cancel(tantalus_client* client, uint32_t call);

/*
 * ---- Secrets ----
 * Every accessor takes NULL, and answers NULL, 0 or -1 then.
 */

TANTALUS_API void tantalus_secret_free(tantalus_secret* secret);
/** The bytes, with a NUL after them. */
TANTALUS_API const unsigned char* tantalus_secret_data(const tantalus_secret* secret);
TANTALUS_API size_t tantalus_secret_size(const tantalus_secret* secret);
TANTALUS_API const char* tantalus_secret_key(const tantalus_secret* secret);
TANTALUS_API const char* tantalus_secret_source(const tantalus_secret* secret);
TANTALUS_API const char* tantalus_secret_scope(const tantalus_secret* secret);
TANTALUS_API const char* tantalus_secret_id(const tantalus_secret* secret); /**< NULL: none. */
TANTALUS_API const char* tantalus_secret_version(const tantalus_secret* secret);
TANTALUS_API int64_t tantalus_secret_updated_at(const tantalus_secret* secret); /**< -1: not known. */
TANTALUS_API int64_t tantalus_secret_age_ms(const tantalus_secret* secret);
TANTALUS_API int64_t tantalus_secret_ttl_ms(const tantalus_secret* secret);
TANTALUS_API int tantalus_secret_is_cached(const tantalus_secret* secret);
/** 1: the backend could not be asked, and the value is older than its TTL. */
TANTALUS_API int tantalus_secret_is_stale(const tantalus_secret* secret);
/** 1: not found; the value is the reference's own `default=`. */
TANTALUS_API int tantalus_secret_is_default(const tantalus_secret* secret);

/*
 * ---- Replies: rows of named members ----
 * Agents may add members. Accessors take NULL replies and rows that are not there, and answer NULL or 0 then.
 */

typedef enum tantalus_kind {
  TANTALUS_NIL = 0,
  TANTALUS_BOOLEAN = 1,
  TANTALUS_INTEGER = 2,
  TANTALUS_TEXT = 3
} tantalus_kind;

TANTALUS_API void tantalus_reply_free(tantalus_reply* reply);
TANTALUS_API size_t tantalus_reply_rows(const tantalus_reply* reply);
/** The row's own status; when it is an error `error` (may be NULL) is filled. */
TANTALUS_API tantalus_status tantalus_reply_status(const tantalus_reply* reply, size_t row, tantalus_error* error);
/** The row's secret, borrowed from the reply; NULL: none. */
TANTALUS_API const tantalus_secret* tantalus_reply_secret(const tantalus_reply* reply, size_t row);
/** Takes the row's secret out of the reply: it is the caller's. NULL: none. */
TANTALUS_API tantalus_secret* tantalus_reply_take_secret(tantalus_reply* reply, size_t row);
/** Members of a row, in the agent's order; what lies in a map is named with a dot, as `backend.state`. */
TANTALUS_API size_t tantalus_reply_members(const tantalus_reply* reply, size_t row);
TANTALUS_API const char* tantalus_reply_name(const tantalus_reply* reply, size_t row, size_t member);
/** A member by name: its kind (TANTALUS_NIL also when there is none), its text (NULL if it is none), its number. */
TANTALUS_API tantalus_kind tantalus_reply_kind(const tantalus_reply* reply, size_t row, const char* name);
TANTALUS_API const char* tantalus_reply_text(const tantalus_reply* reply, size_t row, const char* name);
/** An integer, or a boolean as 0 and 1; 0 if it is none. */
TANTALUS_API int64_t tantalus_reply_integer(const tantalus_reply* reply, size_t row, const char* name);

#ifdef __cplusplus
}
#endif

#endif
