// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/bench_cases.h"

#include "benchmarks/wire.h"

namespace tantalus::bench {
namespace {

std::vector<std::string> small_requests(int count) {
  std::vector<std::string> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back(resolve_request(small_key(i)));
  }
  return requests;
}

std::string batch_of(int count) {
  std::vector<std::string> keys;
  for (int i = 0; i < count; ++i) {
    keys.push_back(small_key(i));
  }
  return resolve_many_request(keys);
}

}  // namespace

bool Case::meets(double value, const Goal& goal) const {
  return metric == Metric::p50 ? value <= goal.bound : value >= goal.bound;
}

std::string small_key(int index) {
  std::string digits = std::to_string(index);
  return "bench-" + std::string(4 - digits.size(), '0') + digits;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  cases.push_back({.name = "sequence",
                   .title = "1 connection, in sequence",
                   .metric = Metric::p50,
                   .load = {.requests = small_requests(1)},
                   .goals = {{.agent = "every", .bound = 1.3}, {.agent = "default", .bound = 1.2}}});
  cases.push_back({.name = "connections",
                   .title = "64 connections",
                   .metric = Metric::rate,
                   .load = {.requests = small_requests(64), .connections = 64},
                   .goals = {{.agent = "every", .bound = 0.55}, {.agent = "default", .bound = 0.7}}});
  cases.push_back({.name = "pipelined",
                   .title = "1 connection, 32 deep",
                   .metric = Metric::rate,
                   .load = {.requests = small_requests(32), .depth = 32},
                   .goals = {{.agent = "every", .bound = 300'000, .is_ratio = false}}});
  cases.push_back({.name = "batch",
                   .title = "resolve_many of 32",
                   .metric = Metric::p50,
                   .load = {.requests = {batch_of(32)}},
                   .goals = {}});
  cases.push_back({.name = "connect",
                   .title = "connect, resolve, close",
                   .metric = Metric::p50,
                   .load = {.requests = small_requests(1), .reconnect = true},
                   .goals = {{.agent = "every", .bound = 1.6}, {.agent = "default", .bound = 1.6}}});
  cases.push_back({.name = "value-16k",
                   .title = "a value of 16 KiB",
                   .metric = Metric::p50,
                   .load = {.requests = {resolve_request("bench-16k")}},
                   .goals = {}});
  cases.push_back({.name = "value-1m",
                   .title = "a value of 1 MiB",
                   .metric = Metric::p50,
                   .load = {.requests = {resolve_request("bench-1m")}},
                   .goals = {}});
  return cases;
}

}  // namespace tantalus::bench
