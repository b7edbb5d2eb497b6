// SPDX-License-Identifier: Apache-2.0
// What libtantalus adds to a bare exchange: the same responder, the same bytes, once over send and recv, once through
// tantalus_resolve(), in turns.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/placement.h"
#include "benchmarks/samples.h"
#include "benchmarks/unix_socket.h"
#include "client/include/tantalus/tantalus.h"

namespace tantalus::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::byte>;

constexpr int exchanges = 20'000;
constexpr int warm_up = 1'000;
constexpr int rounds = 7;
constexpr double promised_us = 2;

void put(Bytes& out, std::initializer_list<unsigned> bytes) {
  for (const unsigned byte : bytes) {
    out.push_back(static_cast<std::byte>(byte));
  }
}

void put_text(Bytes& out, std::string_view text) {
  put(out, {0xa0U | static_cast<unsigned>(text.size())});
  for (const char character : text) {
    out.push_back(static_cast<std::byte>(character));
  }
}

/// `[1, msgid, nil, {key, source, scope, version, updated_at, age, ttl, cached, stale, value}]` with a msgid of four
/// bytes, which stands at offset 3.
Bytes make_reply() {
  Bytes out;
  put(out, {0x94, 0x01, 0xce, 0, 0, 0, 0, 0xc0, 0x8a});
  for (const auto& [name, text] : {std::pair{"key", "db-password"},
                                   {"source", "file"},
                                   {"scope", "domain"},
                                   {"version", "1795565923239390204-100"}}) {
    put_text(out, name);
    put_text(out, text);
  }
  put_text(out, "updated_at");
  put(out, {0xc0});
  put_text(out, "age");
  put(out, {0x0c});
  put_text(out, "ttl");
  put(out, {0xcd, 0x13, 0x88});
  put_text(out, "cached");
  put(out, {0xc3});
  put_text(out, "stale");
  put(out, {0xc2});
  put_text(out, "value");
  put(out, {0xc4, 24});
  out.insert(out.end(), 24, std::byte{'v'});
  return out;
}

/// The msgid of `[0, msgid, …`: msgpack writes it as short as it can.
std::uint32_t read_msgid(const std::byte* request) {
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint32_t>(request[at]); };
  switch (byte(2)) {
    case 0xcc:
      return byte(3);
    case 0xcd:
      return byte(3) << 8U | byte(4);
    case 0xce:
      return byte(3) << 24U | byte(4) << 16U | byte(5) << 8U | byte(6);
    default:
      return byte(2);
  }
}

/// Answers each request with the reply to it, one connection after the other.
[[noreturn]] void respond(int listener) {
  Bytes reply = make_reply();
  std::array<std::byte, 4096> request;
  while (true) {
    const Descriptor peer(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    while (recv(peer.get(), request.data(), request.size(), 0) > 0) {
      const std::uint32_t msgid = read_msgid(request.data());
      for (unsigned i = 0; i < 4; ++i) {
        reply[3 + i] = static_cast<std::byte>(msgid >> (24U - 8U * i) & 0xffU);
      }
      send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }
}

template <class Exchange>
double p50_of(Exchange exchange) {
  std::vector<std::uint32_t> times;
  times.reserve(exchanges);
  for (int i = 0; i < exchanges + warm_up; ++i) {
    const auto begin = Clock::now();
    exchange();
    const auto took = Clock::now() - begin;
    if (i >= warm_up) {
      times.push_back(static_cast<std::uint32_t>(std::chrono::nanoseconds(took).count()));
    }
  }
  return summarize(times, exchanges, 1).p50_us;
}

double bare_exchange(const std::string& path) {
  // `[0, 1, "resolve", [{"key": "db-password"}]]`
  Bytes request;
  put(request, {0x94, 0x00, 0x01});
  put_text(request, "resolve");
  put(request, {0x91, 0x81});
  put_text(request, "key");
  put_text(request, "db-password");
  const Descriptor socket = connect_to(path);
  std::array<std::byte, 4096> reply;
  return p50_of([&] {
    send_all(socket.get(), request);
    static_cast<void>(receive_some(socket.get(), reply));
  });
}

double library_call(const std::string& path) {
  tantalus_client* const client = tantalus_client_new();
  if (client == nullptr || tantalus_client_set_socket(client, path.c_str(), nullptr) != TANTALUS_OK) {
    give_up("client");
  }
  const double p50 = p50_of([&] {
    tantalus_secret* secret = nullptr;
    tantalus_error error;
    if (tantalus_resolve(client, "db-password", TANTALUS_ANY_AGE, &secret, &error) != TANTALUS_OK) {
      give_up(error.message);
    }
    tantalus_secret_free(secret);
  });
  tantalus_client_free(client);
  return p50;
}

struct Measured {
  Spread bare, library, added;
};

Measured measure(const std::string& path, pid_t responder, Placement placement) {
  pin(responder, placement);
  std::vector<double> bare;
  std::vector<double> library;
  std::vector<double> added;
  for (int i = 0; i < rounds; ++i) {
    bare.push_back(bare_exchange(path));
    library.push_back(library_call(path));
    added.push_back(library.back() - bare.back());
  }
  return {spread_of(bare), spread_of(library), spread_of(added)};
}

void print(const Measured& measured, Placement placement) {
  std::printf("%-10s %8.2f %12.2f %8.2f   %.2f to %.2f\n", std::string(name_of(placement)).c_str(),
              measured.bare.median, measured.library.median, measured.added.median, measured.added.low,
              measured.added.high);
}

std::string as_json(const Measured& measured, Placement placement) {
  std::array<char, 256> line{};
  std::snprintf(line.data(), line.size(),
                "{\"placement\": \"%s\", \"bare_p50_us\": %.2f, \"library_p50_us\": %.2f, \"added_us\": %.2f, "
                "\"added_low_us\": %.2f, \"added_high_us\": %.2f}",
                std::string(name_of(placement)).c_str(), measured.bare.median, measured.library.median,
                measured.added.median, measured.added.low, measured.added.high);
  return line.data();
}

/// Whether the promise of docs/performance.md was kept.
bool run(const char* json) {
  std::string folder = "/tmp/tantalus-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    give_up("mkdtemp");
  }
  const std::string path = folder + "/responder.sock";
  const Descriptor listener = listen_at(path);
  const pid_t responder = fork();
  if (responder == 0) {
    respond(listener.get());
  }
  std::printf(
      "libtantalus beside a bare exchange of the same bytes: p50 in us, medians of %d rounds in turns\n"
      "               bare  libtantalus    added   lowest to highest\n",
      rounds);
  const Measured alone = measure(path, responder, Placement::one_core);
  print(alone, Placement::one_core);
  std::string text = "[" + as_json(alone, Placement::one_core);
  if (has_two_cores()) {
    const Measured apart = measure(path, responder, Placement::two_cores);
    print(apart, Placement::two_cores);
    text += ",\n " + as_json(apart, Placement::two_cores);
  }
  kill(responder, SIGKILL);
  waitpid(responder, nullptr, 0);
  unlink(path.c_str());
  rmdir(folder.c_str());
  if (json != nullptr) {
    std::ofstream(json) << text << "]\n";
  }
  return alone.added.median < promised_us;
}

}  // namespace
}  // namespace tantalus::bench

int main(int argc, char** argv) {
  bool checks = false;
  const char* json = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--check") {
      checks = true;
    } else if (word == "--json" && i + 1 < argc) {
      json = argv[++i];
    } else {
      std::fprintf(stderr, "usage: bench_client [--check] [--json FILE]\n");
      return 2;
    }
  }
  return tantalus::bench::run(json) || !checks ? 0 : 1;
}
