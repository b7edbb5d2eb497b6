// SPDX-License-Identifier: Apache-2.0
// The bytes of a debug connection. Cut in any pieces they are the same requests, within their limits, and every one of
// them gets an answer that is JSON of a known status. The first byte says how they are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/observe/http.h"
#include "agent/observe/routes.h"
#include "tests/support/fake_inspect.h"
#include "tests/support/json.h"

namespace {

using namespace tantalus;

struct Parsed {
  std::vector<HttpRequest> requests;
  bool is_refused = false;
};

Parsed parse(std::string_view bytes, std::size_t piece) {
  HttpParser parser;
  Parsed parsed;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (!part.empty()) {
      const HttpParser::Progress progress = parser.feed(part);
      check(progress.consumed <= part.size(), "no more is read than there is");
      part.remove_prefix(progress.consumed);
      if (progress.outcome == HttpParser::Outcome::refused) {
        check(!reason_of(progress.status).empty() && progress.status >= 400, "a refusal has a status");
        check(!progress.why.empty(), "a refusal says why");
        parsed.is_refused = true;
        return parsed;
      }
      if (progress.outcome == HttpParser::Outcome::request) {
        parsed.requests.push_back(parser.take());
      } else {
        check(part.empty(), "what is no whole request is all read");
      }
    }
  }
  return parsed;
}

void check_request(const HttpRequest& request) {
  check(!request.method.empty() && !request.target.empty(), "a request has a method and a target");
  check(request.target.size() <= http_limits::target, "a target within its limit");
  check(request.body.size() <= http_limits::body, "a body within its limit");
  check(request.target.find_first_of(" \r\n") == std::string::npos, "a target is one word");
}

void check_answer(const HttpRequest& request) {
  test::FakeInspect daemon;
  daemon.entries = {{"finance", "file", "domain", "", "key", ""}, {"", "vault", "global", "main", "a/b", "field"}};
  const HttpResponse response = answer_operator(request, daemon, {.pid = 1, .uid = 0});
  check(!reason_of(response.status).empty(), "a known status");
  check(test::Json(response.body).is_whole(), "an answer is JSON");
  check((response.status == 405) == !response.allow.empty(), "Allow where a method is refused");
  check(daemon.flushes.empty() || request.method == "DELETE", "only DELETE flushes");
  const std::string bytes = to_bytes(response, request.keep_alive, request.method == "HEAD");
  check(bytes.find("\r\n\r\n") != std::string::npos, "an answer has a head");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Parsed whole = parse(bytes, bytes.size() + 1);
  const Parsed cut = parse(bytes, std::max<std::size_t>(1, data[0]));
  check(whole.requests.size() == cut.requests.size(), "as many requests, however they are cut");
  check(whole.is_refused == cut.is_refused, "refused or not, however they are cut");
  for (std::size_t i = 0; i < whole.requests.size(); ++i) {
    const HttpRequest& request = whole.requests[i];
    check(request.method == cut.requests[i].method && request.target == cut.requests[i].target &&
              request.body == cut.requests[i].body && request.keep_alive == cut.requests[i].keep_alive,
          "the same requests, however they are cut");
    check_request(request);
    check_answer(request);
  }
  return 0;
}
