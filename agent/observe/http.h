// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/limits.h"

namespace tantalus {

/// What the debug socket takes of a request (docs/operations.md).
namespace http_limits {
inline constexpr std::size_t head = 8 * limits::KiB;
inline constexpr std::size_t target = 4 * limits::KiB;
inline constexpr std::size_t body = 64 * limits::KiB;
/// A chunked body as it travels: chunk sizes, extensions and trailers counted.
inline constexpr std::size_t body_on_the_wire = 2 * body;
}  // namespace http_limits

struct HttpRequest {
  std::string method;
  std::string target;
  std::string body;
  bool keep_alive = true;
};

struct HttpResponse {
  int status = 200;
  std::string body;        ///< JSON.
  std::string_view allow;  ///< For 405.
};

[[nodiscard]] std::string_view reason_of(int status) noexcept;

/// `{"error": {"code", "message"}}`; the code is from the wire's table.
[[nodiscard]] HttpResponse http_error(int status, std::string_view message);

/// The response's bytes. `without_body`: to HEAD, with the length that GET's would have.
[[nodiscard]] std::string to_bytes(const HttpResponse& response, bool keep_alive, bool without_body);

/// Cuts the bytes of a connection into requests (RFC 9112), one at a time. The only llhttp.
class HttpParser {
 public:
  enum class Outcome { more, request, refused };
  struct Progress {
    Outcome outcome = Outcome::more;
    std::size_t consumed = 0;
    int status = 0;  ///< Where it is refused: 400, 413, 414 or 431. Nothing more is read of this connection.
    std::string_view why{};
  };

  HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;
  ~HttpParser();

  /// Reads up to the end of one request. What follows it is to be fed again, after take().
  [[nodiscard]] Progress feed(std::string_view bytes);
  /// The request that is complete; the next feed() begins another.
  [[nodiscard]] HttpRequest take();
  /// Whether a request has begun and is not complete.
  [[nodiscard]] bool is_amid_request() const noexcept;

  class State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
