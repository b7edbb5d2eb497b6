// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/http.h"

// The only file that includes llhttp.
#include <llhttp.h>

#include <algorithm>
#include <utility>

#include "agent/observe/json_writer.h"
#include "protocol/error.h"

namespace tantalus {
namespace {

struct Status {
  std::string_view reason;
  int number;
  Code code;
};

constexpr Status statuses[] = {
    {"OK", 200, Code::internal},
    {"Bad Request", 400, Code::invalid_request},
    {"Forbidden", 403, Code::permission_denied},
    {"Not Found", 404, Code::not_found},
    {"Method Not Allowed", 405, Code::invalid_request},
    {"Request Timeout", 408, Code::invalid_request},
    {"Content Too Large", 413, Code::too_large},
    {"URI Too Long", 414, Code::too_large},
    {"Request Header Fields Too Large", 431, Code::too_large},
    {"Internal Server Error", 500, Code::internal},
    {"Service Unavailable", 503, Code::unavailable},
};

const Status& status_of(int number) noexcept {
  for (const Status& status : statuses) {
    if (status.number == number) {
      return status;
    }
  }
  abort_because("an HTTP status that has no row");
}

}  // namespace

std::string_view reason_of(int status) noexcept {
  return status_of(status).reason;
}

HttpResponse http_error(int status, std::string_view message) {
  JsonWriter json;
  json.begin_object().name("error").begin_object();
  json.member("code", to_text(status_of(status).code)).member("message", message);
  json.end_object().end_object();
  return {status, std::move(json).take(), {}};
}

std::string to_bytes(const HttpResponse& response, bool keep_alive, bool without_body) {
  std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " ";
  bytes += reason_of(response.status);
  bytes += "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: ";
  bytes += std::to_string(response.body.size() + 1);
  if (!response.allow.empty()) {
    bytes += "\r\nAllow: ";
    bytes += response.allow;
  }
  bytes += keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
  if (!without_body) {
    bytes += response.body;
    bytes += '\n';
  }
  return bytes;
}

class HttpParser::State {
 public:
  State() noexcept {
    llhttp_settings_init(&settings_);
    settings_.on_message_begin = [](llhttp_t* parser) { return of(parser).begin(); };
    settings_.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
      return of(parser).add_target({at, size});
    };
    settings_.on_headers_complete = [](llhttp_t* parser) { return of(parser).end_head(); };
    settings_.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
      return of(parser).add_body({at, size});
    };
    settings_.on_message_complete = [](llhttp_t* parser) { return of(parser).end(); };
    llhttp_init(&parser_, HTTP_REQUEST, &settings_);
    parser_.data = this;
  }

  Progress feed(std::string_view bytes) {
    Progress progress;
    // A parser that stopped at the end of a head goes on even without further bytes: the request may be complete.
    while (!is_complete_ && (is_stopped_ || progress.consumed < bytes.size())) {
      // A slice ends where the limit does, so that what the parser has read never exceeds it.
      const std::size_t limit = in_head_ ? http_limits::head : http_limits::body_on_the_wire;
      const std::string_view slice = bytes.substr(progress.consumed, limit - read_);
      if (slice.empty() && !is_stopped_) {
        return refuse(progress, in_head_ ? 431 : 413,
                      in_head_ ? "the head is larger than 8 KiB" : "the body is larger than 64 KiB");
      }
      const bool was_in_head = in_head_;
      const llhttp_errno_t error = llhttp_execute(&parser_, slice.data(), slice.size());
      is_stopped_ = error == HPE_PAUSED;
      const std::size_t took = error == HPE_OK ? slice.size() : taken(slice);
      progress.consumed += took;
      if (was_in_head && has_bare_carriage_return(slice.substr(0, took))) {
        return refuse(progress, 400, "a CR without LF in the head");
      }
      if (status_ != 0) {
        return refuse(progress, status_, why_);
      }
      if (!resume(error)) {
        return refuse(progress, 400, "not an HTTP/1.1 request");
      }
      read_ = was_in_head == in_head_ ? read_ + took : 0;
    }
    progress.outcome = is_complete_ ? Outcome::request : Outcome::more;
    return progress;
  }

  HttpRequest take() {
    is_complete_ = false;
    is_begun_ = false;
    return std::exchange(request_, {});
  }

  [[nodiscard]] bool is_amid_request() const noexcept { return is_begun_ && !is_complete_; }

 private:
  static State& of(llhttp_t* parser) noexcept { return *static_cast<State*>(parser->data); }

  int begin() noexcept {
    is_begun_ = true;
    return 0;
  }

  int add_target(std::string_view part) {
    if (request_.target.size() + part.size() > http_limits::target) {
      return fail_with(414, "the target is longer than 4 KiB");
    }
    request_.target += part;
    return 0;
  }

  int end_head() {
    in_head_ = false;
    if ((parser_.flags & F_CONTENT_LENGTH) != 0 && parser_.content_length > http_limits::body) {
      return fail_with(413, "the body is larger than 64 KiB");
    }
    return HPE_PAUSED;  // To learn where the head ends.
  }

  int add_body(std::string_view part) {
    if (request_.body.size() + part.size() > http_limits::body) {
      return fail_with(413, "the body is larger than 64 KiB");
    }
    request_.body += part;
    return 0;
  }

  int end() {
    request_.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
    request_.keep_alive = llhttp_should_keep_alive(&parser_) != 0 && parser_.upgrade == 0;
    is_complete_ = true;
    in_head_ = true;
    last_was_carriage_return_ = false;
    return HPE_PAUSED;
  }

  int fail_with(int status, std::string_view why) noexcept {
    status_ = status;
    why_ = why;
    return HPE_USER;
  }

  static Progress refuse(Progress progress, int status, std::string_view why) noexcept {
    progress.outcome = Outcome::refused;
    progress.status = status;
    progress.why = why;
    return progress;
  }

  [[nodiscard]] std::size_t taken(std::string_view slice) const noexcept {
    const char* const stop = llhttp_get_error_pos(&parser_);
    if (stop < slice.data() || stop > slice.data() + slice.size()) {
      return slice.size();
    }
    return static_cast<std::size_t>(stop - slice.data());
  }

  /// False: no request.
  bool resume(llhttp_errno_t error) noexcept {
    if (error == HPE_PAUSED) {
      llhttp_resume(&parser_);
      return true;
    }
    if (error == HPE_PAUSED_UPGRADE) {  // What the caller wants to speak next is not spoken here.
      llhttp_resume_after_upgrade(&parser_);
      return is_complete_;
    }
    return error == HPE_OK;
  }

  /// llhttp before 9 takes a CR without LF as a header's end (CVE-2023-30589): two parsers would disagree on where a
  /// request ends.
  bool has_bare_carriage_return(std::string_view head) noexcept {
    for (const char byte : head) {
      if (last_was_carriage_return_ && byte != '\n') {
        return true;
      }
      last_was_carriage_return_ = byte == '\r';
    }
    return false;
  }

  llhttp_settings_t settings_{};
  llhttp_t parser_{};
  HttpRequest request_;
  std::size_t read_ = 0;  ///< Bytes of the head, or of what follows it.
  int status_ = 0;
  std::string_view why_;
  bool in_head_ = true;
  bool is_begun_ = false;
  bool is_stopped_ = false;
  bool is_complete_ = false;
  bool last_was_carriage_return_ = false;
};

HttpParser::HttpParser() : state_(std::make_unique<State>()) {}
HttpParser::~HttpParser() = default;
HttpParser::Progress HttpParser::feed(std::string_view bytes) {
  return state_->feed(bytes);
}
HttpRequest HttpParser::take() {
  return state_->take();
}
bool HttpParser::is_amid_request() const noexcept {
  return state_->is_amid_request();
}

}  // namespace tantalus
