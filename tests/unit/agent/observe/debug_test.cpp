// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/debug.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "agent/loop/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/fake_inspect.h"
#include "tests/support/json.h"
#include "tests/support/temp_dir.h"

using namespace tantalus;
using test::FakeInspect;
using test::TempDir;

namespace {

/// A blocking client that gives up after 20 s.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    is_connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept : fd_(other.fd_), is_connected_(other.is_connected_) { other.fd_ = -1; }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  void send(const std::string& bytes) const {
    static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }
  /// One response, by its Content-Length; empty where the connection ended.
  std::string receive(bool has_body = true) {
    while (true) {
      const std::size_t end = pending_.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t at = pending_.find("Content-Length: ");
        const std::size_t size = end + 4 + (has_body ? std::stoul(pending_.substr(at + 16)) : 0);
        if (pending_.size() >= size) {
          std::string response = pending_.substr(0, size);
          pending_.erase(0, size);
          return response;
        }
      }
      if (!more()) {
        return {};
      }
    }
  }
  /// Until the other side ends; "reset" where it is cut off.
  std::string receive_all() {
    while (more()) {
    }
    return is_reset_ ? "reset" : std::exchange(pending_, {});
  }
  std::string ask(const std::string& request) {
    send(request);
    return receive();
  }

 private:
  bool more() {
    char buffer[4096];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    is_reset_ = got < 0;
    if (got > 0) {
      pending_.append(buffer, static_cast<std::size_t>(got));
    }
    return got > 0;
  }
  int fd_;
  bool is_connected_ = false;
  bool is_reset_ = false;
  std::string pending_;
};

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

/// A debug server on a real socket; `script` talks to it from a thread while the loop turns here.
class Served {
 public:
  Served() : path_(dir_ / "debug.sock") {
    auto bound = bind_unix_socket(path_, 0660);
    REQUIRE(bound);
    listener_ = bound->fd;
  }
  FakeInspect& daemon() { return daemon_; }
  const std::string& path() const { return path_; }

  void run(const std::function<void()>& script) {
    Loop loop;
    int ended[2];
    REQUIRE(::pipe(ended) == 0);
    {
      DebugServer server(loop, UniqueFd(listener_), daemon_, {});
      FdWatch watch(loop, ended[0], [&](unsigned) { loop.stop(); });
      watch.want(FdWatch::readable);
      std::thread client([&] {
        script();
        ::close(ended[1]);
      });
      loop.run();
      client.join();
      left_ = server.connections();
    }
    ::close(ended[0]);
  }
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  TempDir dir_;
  std::string path_;
  FakeInspect daemon_;
  int listener_ = -1;
  std::size_t left_ = 0;
};

bool has_status(const std::string& response, int status) {
  return response.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

}  // namespace

TEST_CASE("one connection serves many requests, one after another and pipelined", "[promise-10]") {
  Served served;
  std::vector<std::string> responses;
  std::string head;
  served.run([&] {
    Client client(served.path());
    responses.push_back(client.ask(get("/healthz")));
    responses.push_back(client.ask(get("/v1/status")));
    client.send(get("/healthz") + get("/nothing") + get("/readyz"));
    for (int i = 0; i < 3; ++i) {
      responses.push_back(client.receive());
    }
    client.send("HEAD /healthz HTTP/1.1\r\n\r\n" + get("/healthz"));
    head = client.receive(false);
    responses.push_back(client.receive());
  });
  REQUIRE(responses.size() == 6);
  const int expected[] = {200, 200, 200, 404, 200, 200};
  for (std::size_t i = 0; i < 6; ++i) {
    INFO(responses[i]);
    CHECK(has_status(responses[i], expected[i]));
  }
  CHECK(has_status(head, 200));
}

TEST_CASE("a thousand pipelined requests get a thousand answers in order") {
  Served served;
  int in_order = 0;
  served.run([&] {
    Client client(served.path());
    std::thread sender([&] {
      for (int i = 0; i < 1000; ++i) {
        client.send(get(i % 2 == 0 ? "/healthz" : "/nothing"));
      }
    });
    for (int i = 0; i < 1000; ++i) {
      in_order += has_status(client.receive(), i % 2 == 0 ? 200 : 404) ? 1 : 0;
    }
    sender.join();
  });
  CHECK(in_order == 1000);
}

TEST_CASE("a request that comes byte by byte is answered", "[trap-30]") {
  Served served;
  std::string response;
  served.run([&] {
    Client client(served.path());
    for (const char byte : get("/healthz")) {
      client.send(std::string(1, byte));
    }
    response = client.receive();
  });
  CHECK(has_status(response, 200));
}

TEST_CASE("a caller that ends its sending still gets its answers, then the end", "[trap-33]") {
  Served served;
  std::string answers;
  served.run([&] {
    Client client(served.path());
    client.send(get("/healthz") + get("/readyz"));
    client.end_sending();
    answers = client.receive_all();
  });
  CHECK(has_status(answers, 200));
  CHECK(answers.find("\"ready\":true") != std::string::npos);
}

TEST_CASE("Connection: close is honoured, and what follows is not read") {
  Served served;
  std::string answers;
  served.run([&] {
    Client client(served.path());
    client.send(get("/healthz", "Connection: close\r\n") + get("/v1/status"));
    answers = client.receive_all();
  });
  CHECK(has_status(answers, 200));
  CHECK(answers.find("Connection: close") != std::string::npos);
  CHECK(answers.find("uptime_ms") == std::string::npos);
}

TEST_CASE("what is too large or no HTTP is answered and closed, and the answer arrives", "[promise-14][trap-134]") {
  const auto [bytes, status] = GENERATE(table<std::string, int>({
      {"GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nA: " + std::string(9000, 'a') + "\r\n\r\n", 431},
      {"PUT / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n" + std::string(65537, 'a'), 413},
      {std::string("\x16\x03\x01\x02\x00", 5), 400},
      {"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", 400},
      {std::string(1 << 20, 'x'), 400},
  }));
  Served served;
  std::string answers;
  served.run([&] {
    Client client(served.path());
    client.send(bytes);
    answers = client.receive_all();
  });
  CHECK(has_status(answers, status));
  CHECK(served.left() <= 1);
}

TEST_CASE("a page of a large cache arrives whole through a full socket buffer", "[trap-32]") {
  Served served;
  for (int i = 0; i < 3000; ++i) {
    served.daemon().entries.push_back({"d", "file", "domain", "", std::string(200, 'k') + std::to_string(i), ""});
  }
  std::string response;
  std::string next;
  served.run([&] {
    Client client(served.path());
    response = client.ask(get("/v1/cache?limit=1000"));
    next = client.ask(get("/healthz"));
  });
  const test::Json json(std::string_view(response).substr(response.find("\r\n\r\n") + 4));
  REQUIRE(json.is_whole());
  CHECK(json.size("items") == 1000);
  CHECK(has_status(next, 200));
}

TEST_CASE("a flush over the socket names its operator by the kernel's word", "[promise-9][promise-10]") {
  Served served;
  served.daemon().entries = {{"d", "file", "domain", "", "k", ""}};
  std::string response;
  served.run([&] {
    Client client(served.path());
    response = client.ask("DELETE /v1/cache?domain=d HTTP/1.1\r\nX-Uid: 0\r\n\r\n");
  });
  CHECK(response.ends_with("{\"flushed\":1}\n"));
  REQUIRE(served.daemon().flushes.size() == 1);
  CHECK(served.daemon().flushes[0].second.pid == ::getpid());
  CHECK(served.daemon().flushes[0].second.uid == ::getuid());
}

TEST_CASE("who is no operator is told so and can do nothing", "[promise-10]") {
  if (::geteuid() != 0) {
    SKIP("becomes another user");
  }
  Served served;
  served.daemon().entries = {{"d", "file", "domain", "", "k", ""}};
  REQUIRE(::chmod(served.path().c_str(), 0666) == 0);
  REQUIRE(::chmod(served.path().substr(0, served.path().rfind('/')).c_str(), 0755) == 0);
  test::Ended ended;
  served.run([&] {
    ended = test::in_child([&](int out) {
      if (::setresgid(1001, 1001, 1001) != 0 || ::setresuid(1001, 1001, 1001) != 0) {
        return 3;
      }
      for (const char* const request : {"GET /healthz HTTP/1.1\r\n\r\n", "DELETE /v1/cache HTTP/1.1\r\n\r\n"}) {
        Client client(served.path());
        client.send(request);
        test::say(out, client.receive_all() + "\n");
      }
      return 0;
    });
  });
  REQUIRE(ended.exited_with(0));
  CHECK(has_status(ended.said, 403));
  CHECK(ended.said.find("permission_denied") != std::string::npos);
  CHECK(ended.said.find("HTTP/1.1 200") == std::string::npos);
  CHECK(served.daemon().flushes.empty());
  CHECK(served.daemon().entries.size() == 1);
}

TEST_CASE("connections are bounded, one more is told so, and a place that is left can be taken", "[trap-26]") {
  Served served;
  std::string over;
  std::string after;
  served.run([&] {
    std::vector<Client> clients;
    for (int i = 0; i < 64; ++i) {
      clients.emplace_back(served.path());
      static_cast<void>(clients.back().ask(get("/healthz")));
    }
    over = Client(served.path()).receive_all();
    clients.pop_back();
    for (int tries = 0; tries < 1000 && !has_status(after, 200); ++tries) {
      after = Client(served.path()).ask(get("/healthz"));
    }
  });
  CHECK(has_status(over, 503));
  CHECK(has_status(after, 200));
}

TEST_CASE("half a request is answered with 408 in time", "[trap-39]") {
  Served served;
  std::string half;
  served.run([&] {
    Client client(served.path());
    client.send("GET /heal");
    half = client.receive_all();
  });
  CHECK(has_status(half, 408));
}

TEST_CASE("without descriptors the listener rests instead of spinning, and recovers", "[trap-25]") {
  Served served;
  std::string response;
  std::clock_t spent = 0;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  served.run([&] {
    Client client(served.path());
    static_cast<void>(client.ask(get("/healthz")));
    Client waiting_one(served.path());  // Has its own descriptor before they are gone.
    static_cast<void>(waiting_one.ask(get("/healthz")));
    Client third(served.path());
    static_cast<void>(third.ask(get("/healthz")));
    std::vector<int> held;
    const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
    int last = ::dup(0);
    while (last >= 0) {
      held.push_back(last);
      last = ::dup(0);
    }
    ::close(held.back());
    held.pop_back();
    Client queued(served.path());  // Takes the last descriptor, so that accept(2) finds none.
    queued.send(get("/healthz"));
    const std::clock_t from = std::clock();
    static_cast<void>(client.ask(get("/healthz")));
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    spent = std::clock() - from;
    for (const int fd : held) {
      ::close(fd);
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
    response = queued.receive();
  });
  CHECK(has_status(response, 200));
  CHECK(spent < CLOCKS_PER_SEC / 2);
}
