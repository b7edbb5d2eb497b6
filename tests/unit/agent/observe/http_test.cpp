// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/http.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace tantalus;
using Outcome = HttpParser::Outcome;

namespace {

struct Parsed {
  std::vector<HttpRequest> requests;
  int refused = 0;
  std::string why;
};

/// All of `bytes`, in pieces of at most `piece`.
Parsed parse(std::string_view bytes, std::size_t piece = std::string::npos) {
  HttpParser parser;
  Parsed parsed;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (!part.empty()) {
      const auto progress = parser.feed(part);
      part.remove_prefix(progress.consumed);
      if (progress.outcome == Outcome::refused) {
        parsed.refused = progress.status;
        parsed.why = progress.why;
        return parsed;
      }
      if (progress.outcome == Outcome::request) {
        parsed.requests.push_back(parser.take());
      }
    }
  }
  return parsed;
}

std::string head_of(std::size_t size) {
  const std::string begin = "GET / HTTP/1.1\r\nA: ";
  return begin + std::string(size - begin.size() - 4, 'a') + "\r\n\r\n";
}

}  // namespace

TEST_CASE("requests are cut one by one, whatever the pieces") {
  const std::string bytes =
      "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
      "DELETE /v1/cache?key=a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
      "POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
      "HEAD / HTTP/1.0\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Parsed parsed = parse(bytes, piece);
    REQUIRE(parsed.refused == 0);
    REQUIRE(parsed.requests.size() == 4);
    CHECK(parsed.requests[0].method == "GET");
    CHECK(parsed.requests[0].target == "/healthz");
    CHECK(parsed.requests[0].keep_alive);
    CHECK(parsed.requests[1].method == "DELETE");
    CHECK(parsed.requests[1].body == "abc");
    CHECK(parsed.requests[2].body == "def");
    CHECK(parsed.requests[3].method == "HEAD");
    CHECK_FALSE(parsed.requests[3].keep_alive);
  }
}

TEST_CASE("a head of 8 KiB is taken and a longer one refused with 431", "[promise-14]") {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::string::npos}) {
    CHECK(parse(head_of(http_limits::head), piece).requests.size() == 1);
    CHECK(parse(head_of(http_limits::head + 1), piece).refused == 431);
    CHECK(parse("GET / HTTP/1.1\r\n" + std::string(1 << 20, 'a'), piece).refused == 431);
    CHECK(parse(std::string(1 << 20, '\n'), piece).refused == 431);
    // Each head has its own 8 KiB.
    CHECK(parse(head_of(8000) + head_of(8000) + head_of(8000), piece).requests.size() == 3);
  }
}

TEST_CASE("a target of 4 KiB is taken and a longer one refused with 414", "[promise-14]") {
  const auto get = [](std::size_t size) { return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\n\r\n"; };
  for (const std::size_t piece : {std::size_t{1}, std::string::npos}) {
    CHECK(parse(get(http_limits::target), piece).requests.size() == 1);
    CHECK(parse(get(http_limits::target + 1), piece).refused == 414);
  }
}

TEST_CASE("a body of 64 KiB is taken and a longer one refused with 413, declared or chunked", "[promise-14]") {
  const auto declared = [](std::size_t size) {
    return "PUT / HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
  };
  CHECK(parse(declared(http_limits::body) + std::string(http_limits::body, 'a')).requests.size() == 1);
  CHECK(parse(declared(http_limits::body + 1)).refused == 413);  // Before a byte of it is there.
  CHECK(parse(declared(99999999999ULL)).refused == 413);
  const std::string chunk = "1000\r\n" + std::string(0x1000, 'a') + "\r\n";
  std::string chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 16; ++i) {
    chunked += chunk;
  }
  CHECK(parse(chunked + "0\r\n\r\n").requests.size() == 1);
  CHECK(parse(chunked + chunk).refused == 413);
  // Many small chunks, with extensions: what travels is bounded as well.
  std::string tiny = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20000; ++i) {
    tiny += "1;x=y\r\na\r\n";
  }
  CHECK(parse(tiny).refused == 413);
}

TEST_CASE("a CR without LF in the head is refused", "[promise-14]") {
  const std::string bytes = GENERATE(as<std::string>(), "GET / HTTP/1.1\r\nA: b\rTransfer-Encoding: chunked\r\n\r\n",
                                     "GET / HTTP/1.1\r\nA: b\r\rC: d\r\n\r\n", "GET / HTTP/1.1\rA: b\r\n\r\n",
                                     "GET / HTTP/1.1\r\nA: \rb\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n\rX\r\n\r\n",
                                     "POST / HTTP/1.1\r\nContent-Length: 1\r\nDummy: x\rContent-Length: 23\r\n\r\n1");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Parsed parsed = parse(bytes, piece);
    CHECK(parsed.requests.empty());
    CHECK(parsed.refused == 400);
  }
}

TEST_CASE("two requests' heads are not one: a CR at the end of the first does not count for the second") {
  const Parsed parsed = parse("GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  CHECK(parsed.requests.size() == 2);
}

TEST_CASE("what is no HTTP/1.1 request is refused with 400", "[promise-14]") {
  for (const char* const bytes :
       {"\x16\x03\x01\x02\x00\x01", "GARBAGE\r\n\r\n", "BREW / HTTP/1.1\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nA b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    INFO(bytes);
    const Parsed parsed = parse(bytes);
    CHECK(parsed.refused == 400);
    CHECK(parsed.requests.empty());
  }
}

TEST_CASE("a wish to speak another protocol ends the connection after its answer") {
  const Parsed parsed = parse("GET /x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  REQUIRE(parsed.requests.size() == 1);
  CHECK_FALSE(parsed.requests[0].keep_alive);
  const Parsed tunnel = parse("CONNECT a:1 HTTP/1.1\r\n\r\n");
  REQUIRE(tunnel.requests.size() == 1);
  CHECK_FALSE(tunnel.requests[0].keep_alive);
}

TEST_CASE("a parser knows whether it is amid a request") {
  HttpParser parser;
  CHECK_FALSE(parser.is_amid_request());
  CHECK(parser.feed("\r\n").outcome == Outcome::more);
  CHECK(parser.feed("GET / HT").outcome == Outcome::more);
  CHECK(parser.is_amid_request());
  CHECK(parser.feed("TP/1.1\r\n\r\n").outcome == Outcome::request);
  CHECK(parser.take().target == "/");
  CHECK_FALSE(parser.is_amid_request());
}

TEST_CASE("a response has its length, and for HEAD nothing else of its body") {
  const HttpResponse response{200, "{}", {}};
  CHECK(
      to_bytes(response, true, false) ==
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 3\r\n\r\n{}\n");
  CHECK_THAT(to_bytes(response, true, true), Catch::Matchers::EndsWith("Content-Length: 3\r\n\r\n"));
  CHECK_THAT(to_bytes(response, false, true), Catch::Matchers::EndsWith("Connection: close\r\n\r\n"));
  CHECK_THAT(to_bytes({405, "{}", "GET, HEAD"}, true, true),
             Catch::Matchers::ContainsSubstring("\r\nAllow: GET, HEAD\r\n"));
}

TEST_CASE("an error names its code in the wire's words") {
  CHECK(http_error(403, "no").body == R"({"error":{"code":"permission_denied","message":"no"}})");
  CHECK(http_error(413, "\"").body == R"({"error":{"code":"too_large","message":"\""}})");
}
