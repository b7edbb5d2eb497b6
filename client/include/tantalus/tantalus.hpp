// SPDX-License-Identifier: Apache-2.0
/// \file
/// Tantalus for C++20: tantalus.h with owners for handles. Header alone; link libtantalus.
///
///     tantalus::Client client;
///     tantalus::Secret password = client.resolve("db-password").value();   // throws tantalus::Error
///
///     if (auto token = client.resolve("api-token")) {                      // or asks
///       use(token->text());
///     } else {
///       std::cerr << token.error().what() << '\n';
///     }
///
/// Every call gives a Result: value() throws its Error, everything else looks without throwing. With -fno-exceptions
/// value() of a failure ends the process. Ownership, threads and fork() are as tantalus.h says; what is moved from may
/// only be assigned or destroyed.
#ifndef TANTALUS_TANTALUS_HPP
#define TANTALUS_TANTALUS_HPP

#include <tantalus/tantalus.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tantalus {
// The names below are this header's alone, also where libtantalus.a, whose insides have the like, is linked in.
inline namespace cxx1 {

using Milliseconds = std::chrono::milliseconds;

/// Why something failed.
class Error : public std::exception {
 public:
  explicit Error(const tantalus_error& error) : status_(error.status), retry_after_(error.retry_after_ms) {
    message_ = std::make_shared<const std::string>(error.message);  // Shared: copying an exception must not throw.
  }

  [[nodiscard]] tantalus_status status() const noexcept { return status_; }
  [[nodiscard]] const char* what() const noexcept override { return message_->c_str(); }
  [[nodiscard]] Milliseconds retry_after() const noexcept { return retry_after_; }
  [[nodiscard]] bool is_retryable() const noexcept { return tantalus_status_is_retryable(status_) != 0; }

 private:
  tantalus_status status_;
  Milliseconds retry_after_;
  std::shared_ptr<const std::string> message_;
};

namespace detail {

[[noreturn]] inline void raise(const Error& error) {
#if defined(__cpp_exceptions)
  throw error;
#else
  static_cast<void>(error);
  std::abort();
#endif
}

struct Free {
  void operator()(tantalus_client* client) const noexcept { tantalus_client_free(client); }
  void operator()(tantalus_secret* secret) const noexcept { tantalus_secret_free(secret); }
  void operator()(tantalus_reply* reply) const noexcept { tantalus_reply_free(reply); }
};
template <class T>
using Handle = std::unique_ptr<T, Free>;

inline std::string_view view(const char* text) noexcept {
  return text == nullptr ? std::string_view{} : text;
}

inline std::int64_t to_ms(const std::optional<Milliseconds>& time, std::int64_t otherwise) noexcept {
  return time ? static_cast<std::int64_t>(time->count()) : otherwise;
}

}  // namespace detail

/// A value or an Error, in the manner of std::expected.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value, else its Error is thrown.
  T& value() & { return check(), *std::get_if<0>(&state_); }
  const T& value() const& { return check(), *std::get_if<0>(&state_); }
  T&& value() && { return check(), std::move(*std::get_if<0>(&state_)); }

  /// As value(), where has_value() is known.
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

  /// Where has_value() is false.
  [[nodiscard]] const Error& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  void check() const {
    if (!has_value()) {
      detail::raise(error());
    }
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) {
      detail::raise(*error_);
    }
  }
  [[nodiscard]] const Error& error() const noexcept { return *error_; }

 private:
  std::optional<Error> error_;
};

/// A value and what is said of it. Its bytes are wiped when it is destroyed. Empty for an `optional=true` reference
/// that was not found: ask has_value() of those.
class Secret {
 public:
  explicit Secret(tantalus_secret* secret) noexcept : handle_(secret) {}

  [[nodiscard]] bool has_value() const noexcept { return handle_ != nullptr; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span(tantalus_secret_data(get()), size()));
  }
  /// The same bytes as text, which is followed by a NUL. Copies of it are not wiped.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(tantalus_secret_data(get())), size()};
  }
  [[nodiscard]] std::size_t size() const noexcept { return tantalus_secret_size(get()); }

  [[nodiscard]] std::string_view key() const noexcept { return detail::view(tantalus_secret_key(get())); }
  [[nodiscard]] std::string_view source() const noexcept { return detail::view(tantalus_secret_source(get())); }
  [[nodiscard]] std::string_view scope() const noexcept { return detail::view(tantalus_secret_scope(get())); }
  [[nodiscard]] std::string_view id() const noexcept { return detail::view(tantalus_secret_id(get())); }
  [[nodiscard]] std::string_view version() const noexcept { return detail::view(tantalus_secret_version(get())); }
  [[nodiscard]] std::optional<Milliseconds> updated_at() const noexcept {
    const std::int64_t time = tantalus_secret_updated_at(get());
    return time < 0 ? std::nullopt : std::optional(Milliseconds(time));
  }
  [[nodiscard]] Milliseconds age() const noexcept { return Milliseconds(tantalus_secret_age_ms(get())); }
  [[nodiscard]] Milliseconds ttl() const noexcept { return Milliseconds(tantalus_secret_ttl_ms(get())); }
  [[nodiscard]] bool is_cached() const noexcept { return tantalus_secret_is_cached(get()) != 0; }
  [[nodiscard]] bool is_stale() const noexcept { return tantalus_secret_is_stale(get()) != 0; }
  [[nodiscard]] bool is_default() const noexcept { return tantalus_secret_is_default(get()) != 0; }

  [[nodiscard]] const tantalus_secret* get() const noexcept { return handle_.get(); }

 private:
  detail::Handle<tantalus_secret> handle_;
};

/// Rows of named members.
class Reply {
 public:
  explicit Reply(tantalus_reply* reply) noexcept : handle_(reply) {}

  [[nodiscard]] std::size_t rows() const noexcept { return tantalus_reply_rows(get()); }
  /// What a row of its own failed with; unset: it did not.
  [[nodiscard]] std::optional<Error> error(std::size_t row) const {
    tantalus_error error{};
    return tantalus_reply_status(get(), row, &error) == TANTALUS_OK ? std::nullopt : std::optional(Error(error));
  }
  [[nodiscard]] tantalus_kind kind(std::size_t row, const char* name) const noexcept {
    return tantalus_reply_kind(get(), row, name);
  }
  /// Unset: no such member, or it is no text.
  [[nodiscard]] std::optional<std::string_view> text(std::size_t row, const char* name) const noexcept {
    const char* const text = tantalus_reply_text(get(), row, name);
    return text == nullptr ? std::nullopt : std::optional<std::string_view>(text);
  }
  [[nodiscard]] std::int64_t integer(std::size_t row, const char* name) const noexcept {
    return tantalus_reply_integer(get(), row, name);
  }
  [[nodiscard]] bool boolean(std::size_t row, const char* name) const noexcept { return integer(row, name) != 0; }
  /// Of a batch: the row's secret, once; its Error where the row failed.
  [[nodiscard]] Result<Secret> take_secret(std::size_t row) {
    if (std::optional<Error> failed = error(row)) {
      return *std::move(failed);
    }
    return Secret(tantalus_reply_take_secret(handle_.get(), row));
  }

  [[nodiscard]] const tantalus_reply* get() const noexcept { return handle_.get(); }

 private:
  detail::Handle<tantalus_reply> handle_;
};

/// One connection to the agent. Used by one thread at a time.
class Client {
 public:
  /// No connection is made before the first call. Throws std::bad_alloc.
  Client() : handle_(tantalus_client_new()) {
    if (handle_ == nullptr) {
#if defined(__cpp_exceptions)
      throw std::bad_alloc();
#else
      std::abort();
#endif
    }
  }

  Result<void> set_socket(const std::string& path) {
    return done([&](tantalus_error* error) { return tantalus_client_set_socket(get(), path.c_str(), error); });
  }
  Result<void> set_token_file(const std::string& path) {
    return done([&](tantalus_error* error) { return tantalus_client_set_token_file(get(), path.c_str(), error); });
  }
  Result<void> set_name(const std::string& name) {
    return done([&](tantalus_error* error) { return tantalus_client_set_name(get(), name.c_str(), error); });
  }
  /// Unset: none.
  void set_timeout(std::optional<Milliseconds> timeout) noexcept {
    tantalus_client_set_timeout(get(), detail::to_ms(timeout, TANTALUS_NO_TIMEOUT));
  }
  [[nodiscard]] bool memory_is_locked() const noexcept { return tantalus_client_memory_is_locked(handle_.get()) != 0; }
  void disconnect() noexcept { tantalus_client_disconnect(get()); }

  Result<Secret> resolve(const std::string& reference, std::optional<Milliseconds> max_age = std::nullopt) {
    tantalus_secret* secret = nullptr;
    tantalus_error error{};
    const std::int64_t age = detail::to_ms(max_age, TANTALUS_ANY_AGE);
    if (tantalus_resolve(get(), reference.c_str(), age, &secret, &error) != TANTALUS_OK) {
      return Error(error);
    }
    return Secret(secret);
  }

  /// A row for each reference: take_secret() of the reply gives its secret or its error.
  Result<Reply> resolve_many(std::span<const std::string> references,
                             std::optional<Milliseconds> max_age = std::nullopt) {
    const std::vector<const char*> texts = pointers(references);
    return asked([&](tantalus_reply** reply, tantalus_error* error) {
      return tantalus_resolve_many(get(), texts.data(), texts.size(), detail::to_ms(max_age, TANTALUS_ANY_AGE), reply,
                                   error);
    });
  }
  Result<Reply> explain(const std::string& reference) {
    return asked([&](tantalus_reply** reply, tantalus_error* error) {
      return tantalus_explain(get(), reference.c_str(), reply, error);
    });
  }
  Result<Reply> list(const char* scope = nullptr, const char* source = nullptr) {
    return asked([&](tantalus_reply** reply, tantalus_error* error) {
      return tantalus_list(get(), scope, source, reply, error);
    });
  }
  Result<Reply> whoami() {
    return asked([&](tantalus_reply** reply, tantalus_error* error) { return tantalus_whoami(get(), reply, error); });
  }
  Result<Reply> hello() {
    return asked([&](tantalus_reply** reply, tantalus_error* error) { return tantalus_hello(get(), reply, error); });
  }
  Result<void> ping() {
    return done([&](tantalus_error* error) { return tantalus_ping(get(), error); });
  }
  Result<Reply> subscribe(std::span<const std::string> references) {
    const std::vector<const char*> texts = pointers(references);
    return asked([&](tantalus_reply** reply, tantalus_error* error) {
      return tantalus_subscribe(get(), texts.data(), texts.size(), reply, error);
    });
  }
  /// Unset: waits for ever. An Error of TANTALUS_TIMED_OUT: nothing has changed.
  Result<Reply> next_change(std::optional<Milliseconds> timeout = std::nullopt) {
    return asked([&](tantalus_reply** reply, tantalus_error* error) {
      return tantalus_next_change(get(), detail::to_ms(timeout, TANTALUS_NO_TIMEOUT), reply, error);
    });
  }

  /// For the non-blocking calls of tantalus.h.
  [[nodiscard]] tantalus_client* get() noexcept { return handle_.get(); }

 private:
  template <class Call>
  static Result<void> done(Call call) {
    tantalus_error error{};
    return call(&error) == TANTALUS_OK ? Result<void>() : Result<void>(Error(error));
  }
  template <class Call>
  static Result<Reply> asked(Call call) {
    tantalus_reply* reply = nullptr;
    tantalus_error error{};
    if (call(&reply, &error) != TANTALUS_OK) {
      return Error(error);
    }
    return Reply(reply);
  }
  static std::vector<const char*> pointers(std::span<const std::string> texts) {
    std::vector<const char*> pointers;
    pointers.reserve(texts.size());
    for (const std::string& text : texts) {
      pointers.push_back(text.c_str());
    }
    return pointers;
  }

  detail::Handle<tantalus_client> handle_;
};

}  // namespace cxx1
}  // namespace tantalus

#endif
