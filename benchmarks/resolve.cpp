// SPDX-License-Identifier: Apache-2.0
// Measures the agent beside the bare echo, interleaved in rounds, with the same client. scripts/bench makes the folder
// that it needs: NAME.yaml for each audit setting (every, default, off), each with its socket in NAME/resolve.sock.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/bench_cases.h"
#include "benchmarks/footprint.h"
#include "benchmarks/load.h"
#include "benchmarks/neighbour.h"
#include "benchmarks/placement.h"
#include "benchmarks/report.h"
#include "benchmarks/server_process.h"
#include "benchmarks/unix_socket.h"
#include "benchmarks/wire.h"

namespace tantalus::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string daemon;
  std::string echo;
  std::string folder;
  std::string json;
  std::string only;  ///< The name of one case.
  int rounds = 7;
  std::chrono::milliseconds duration{300};
  bool one_core_only = false;
  bool realtime = false;
  bool check = false;
};

std::unique_ptr<ServerProcess> start_agent(const Options& options, const std::string& name) {
  const std::string config = options.folder + "/" + name + ".yaml";
  return std::make_unique<ServerProcess>(std::vector<std::string>{options.daemon, "--config", config},
                                         options.folder + "/" + name + "/resolve.sock",
                                         options.folder + "/" + name + ".log");
}

/// The echo answers with the bytes that the agent answered with, so both sides of both servers have the same sizes.
std::unique_ptr<ServerProcess> start_echo(const Options& options, const Case& measured, const std::string& reply) {
  const std::string reply_file = options.folder + "/" + measured.name + ".reply";
  std::ofstream(reply_file, std::ios::binary) << reply;
  const std::string socket = options.folder + "/" + measured.name + ".sock";
  ::unlink(socket.c_str());
  return std::make_unique<ServerProcess>(
      std::vector<std::string>{options.echo, socket, std::to_string(measured.load.requests.front().size()), reply_file},
      socket, options.folder + "/echo.log");
}

double number_of(const RunResult& result, Metric metric) {
  return metric == Metric::p50 ? result.p50_us : result.per_second;
}

struct Agent {
  std::string name;
  std::unique_ptr<ServerProcess> process;
};

/// Asks for every key of the case once, so that all are cached, and checks that the answers are secrets.
std::string warm_up(const Case& measured, const Agent& agent) {
  std::string reply;
  for (const std::string& request : measured.load.requests) {
    reply = ask_once(agent.process->socket(), request);
    ReplyCounter counter;
    counter.feed(std::as_bytes(std::span(reply)));
    if (counter.failures() > 0) {
      std::fprintf(stderr, "bench: the agent (audit %s) refused a request of case %s: %.*s\n", agent.name.c_str(),
                   measured.name.c_str(), 200, reply.c_str());
      std::exit(1);
    }
  }
  return reply;
}

void measure_case(const Options& options, const Case& measured, const std::vector<Agent>& agents, Placement placement,
                  Report& report) {
  std::string reply;
  for (const Agent& agent : agents) {
    reply = warm_up(measured, agent);
  }
  const std::unique_ptr<ServerProcess> echo = start_echo(options, measured, reply);
  if (options.realtime) {
    make_realtime(echo->pid());
  }
  std::vector<Row> rows{{placement, &measured, "echo", {}, {}}};
  for (const Agent& agent : agents) {
    rows.push_back({placement, &measured, agent.name, {}, {}});
  }
  for (int round = 0; round < options.rounds; ++round) {
    pin(echo->pid(), placement);
    const RunResult floor = drive(echo->socket(), measured.load, options.duration);
    rows.front().rounds.push_back(floor);
    for (std::size_t i = 0; i < agents.size(); ++i) {
      pin(agents[i].process->pid(), placement);
      const RunResult result = drive(agents[i].process->socket(), measured.load, options.duration);
      rows[i + 1].rounds.push_back(result);
      rows[i + 1].ratios.push_back(number_of(result, measured.metric) / number_of(floor, measured.metric));
    }
  }
  for (Row& row : rows) {
    report.add(std::move(row));
  }
}

void measure_speed(const Options& options, const std::vector<Case>& cases, Report& report) {
  std::vector<Agent> agents;
  for (const char* name : {"every", "default", "off"}) {
    agents.push_back({name, start_agent(options, name)});
    if (options.realtime) {
      make_realtime(agents.back().process->pid());
    }
  }
  std::vector<Placement> placements{Placement::one_core};
  if (!options.one_core_only && has_two_cores()) {
    placements.push_back(Placement::two_cores);
  }
  for (const Placement placement : placements) {
    for (const Case& measured : cases) {
      if (options.only.empty() || options.only == measured.name) {
        std::fprintf(stderr, "bench: %s, %s\n", std::string(name_of(placement)).c_str(), measured.title.c_str());
        measure_case(options, measured, agents, placement, report);
      }
    }
  }
}

void measure_footprint(const Options& options, Report& report) {
  std::vector<double> start_ms;
  for (int i = 0; i < 5; ++i) {
    const auto before = Clock::now();
    const std::unique_ptr<ServerProcess> agent = start_agent(options, "default");
    static_cast<void>(ask_once(agent->socket(), resolve_request(small_key(0))));
    start_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  report.add(Figure{"start to the first answer", spread_of(start_ms).median, 50, "ms"});

  const std::unique_ptr<ServerProcess> agent = start_agent(options, "default");
  std::vector<Descriptor> peers;
  std::array<std::byte, 4096> buffer{};
  for (int i = 0; i < 100; ++i) {
    peers.push_back(connect_to(agent->socket()));
    for (int key = i; key < small_keys; key += 100) {
      const std::string request = resolve_request(small_key(key));
      send_all(peers.back().get(), std::as_bytes(std::span(request)));
      ReplyCounter counter;
      while (counter.feed(receive_some(peers.back().get(), buffer)) == 0) {
      }
    }
  }
  const Memory memory = memory_of(agent->pid());
  const auto mib = [](std::uint64_t kib) { return static_cast<double>(kib) / 1024; };
  report.add(Figure{"1,000 secrets, 100 connections: anonymous memory outside the arena",
                    mib(memory.anonymous_unlocked), 6, "MiB"});
  report.add(Figure{"the same: RSS less the resident arena", mib(memory.resident - memory.resident_locked), 18, "MiB"});
  std::this_thread::sleep_for(std::chrono::seconds(2));  // What the requests left to do ends meanwhile.
  report.add(Figure{"idle wake-ups", wakeups_per_second(agent->pid(), std::chrono::seconds(5)), 1, "a second"});
}

std::string describe_fairness(double alone_us, double beside_us) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "p99 beside a flood of 16 x 32 (%.0f us), to p99 alone (%.0f us)", beside_us,
                alone_us);
  return text.data();
}

/// Both callers on one core, the agent on the other: what is measured is how the agent shares itself out.
void measure_fairness(const Options& options, Report& report) {
  const std::unique_ptr<ServerProcess> agent = start_agent(options, "default");
  pin(agent->pid(), Placement::two_cores);
  const Load quiet{.requests = {resolve_request(small_key(0))}};
  const Load flood{.requests = {resolve_request(small_key(1))}, .connections = 16, .depth = 32};
  std::vector<double> ratios;
  std::vector<double> alone;
  std::vector<double> beside;
  for (int round = 0; round < options.rounds; ++round) {
    const Neighbour seen = measure_neighbour(agent->socket(), quiet, flood, options.duration);
    ratios.push_back(seen.beside.p99_us / seen.alone.p99_us);
    alone.push_back(seen.alone.p99_us);
    beside.push_back(seen.beside.p99_us);
  }
  report.add(
      Figure{describe_fairness(spread_of(alone).median, spread_of(beside).median), spread_of(ratios).median, 2, "x"});
}

constexpr const char* usage =
    "usage: tantalus_bench --daemon PATH --echo PATH --folder DIR [--json FILE] [--case NAME] [--rounds N] [--ms N]\n"
    "                      [--one-core] [--realtime] [--check]\n";

[[noreturn]] void refuse_usage() {
  std::fputs(usage, stderr);
  std::exit(2);
}

int positive(const std::string& text) {
  int number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number < 1) {
    refuse_usage();
  }
  return number;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--one-core") {
      options.one_core_only = true;
      continue;
    }
    if (name == "--realtime") {
      options.realtime = true;
      continue;
    }
    if (name == "--check") {
      options.check = true;
      continue;
    }
    if (i + 1 == argc) {
      refuse_usage();
    }
    const std::string value = argv[++i];
    if (name == "--daemon") {
      options.daemon = value;
    } else if (name == "--echo") {
      options.echo = value;
    } else if (name == "--folder") {
      options.folder = value;
    } else if (name == "--json") {
      options.json = value;
    } else if (name == "--case") {
      options.only = value;
    } else if (name == "--rounds") {
      options.rounds = positive(value);
    } else if (name == "--ms") {
      options.duration = std::chrono::milliseconds(positive(value));
    } else {
      refuse_usage();
    }
  }
  if (options.daemon.empty() || options.echo.empty() || options.folder.empty()) {
    refuse_usage();
  }
  return options;
}

int run(const Options& options) {
  const std::vector<Case> cases = all_cases();
  Report report;
  if (options.only.empty()) {
    measure_footprint(options, report);
    if (::getuid() == 0 && has_two_cores()) {
      measure_fairness(options, report);
    }
  }
  if (options.realtime) {
    make_realtime(::getpid());
  }
  measure_speed(options, cases, report);
  report.print_table();
  if (!options.json.empty()) {
    report.write_json(options.json);
  }
  return options.check && report.misses() > 0 ? 1 : 0;
}

}  // namespace
}  // namespace tantalus::bench

int main(int argc, char** argv) {
  return tantalus::bench::run(tantalus::bench::parse(argc, argv));
}
