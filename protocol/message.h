// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus {

enum class Method : std::uint8_t { hello, resolve, resolve_many, explain, list, whoami, subscribe, ping };
[[nodiscard]] std::string_view to_text(Method method) noexcept;

/// One element of `refs`: a bad one fails alone.
struct BatchItem {
  Reference reference;
  std::optional<Error> error;
};

/// A request with its arguments, all views into its frame. What a method doesn't take is unset. References have their
/// types and lengths; what hangs on the source that they come down to, validate() tells.
struct Call {
  std::uint32_t msgid = 0;
  Method method = Method::ping;
  std::optional<Millis> max_age;          ///< resolve, resolve_many.
  Reference reference;                    ///< resolve, explain.
  std::vector<BatchItem> references;      ///< resolve_many, subscribe; its capacity is kept between calls.
  std::optional<Scope> scope;             ///< list.
  std::optional<Source> source;           ///< list.
  std::string_view client;                ///< hello.
  std::uint32_t protocol = 0;             ///< hello; 0: not said.
  std::optional<std::string_view> token;  ///< hello. A credential: never logged, its frame is wiped.
};

/// Reads whole frames into calls. One reader serves any number of connections, one frame at a time; `call()` is valid
/// until the next read(). No allocation once its vectors have grown, for a request that is right.
class MessageReader {
 public:
  enum class Kind : std::uint8_t {
    call,          ///< call() holds it.
    notification,  ///< A client's: to be ignored and counted.
    bad_request,   ///< error() answers msgid(); the connection goes on.
    bad_frame,     ///< error() answers msgid 0; the connection ends.
  };

  explicit MessageReader(std::uint32_t max_batch);
  ~MessageReader();
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  void set_max_batch(std::uint32_t max_batch) noexcept;
  [[nodiscard]] Kind read(std::span<const std::byte> frame);
  [[nodiscard]] const Call& call() const noexcept;
  [[nodiscard]] std::uint32_t msgid() const noexcept;
  [[nodiscard]] const Error& error() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
