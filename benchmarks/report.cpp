// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/report.h"

#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "benchmarks/unix_socket.h"

namespace tantalus::bench {
namespace {

Spread of_rounds(const Row& row, double RunResult::* number) {
  std::vector<double> values;
  for (const RunResult& round : row.rounds) {
    values.push_back(round.*number);
  }
  return spread_of(std::move(values));
}

std::uint64_t failures_of(const Row& row) {
  std::uint64_t failures = 0;
  for (const RunResult& round : row.rounds) {
    failures += round.failures;
  }
  return failures;
}

struct Verdict {
  Goal goal;
  bool is_met = false;
};

std::optional<Verdict> verdict_of(const Row& row) {
  if (row.placement != Placement::one_core) {
    return std::nullopt;
  }
  for (const Goal& goal : row.measured->goals) {
    if (goal.agent != row.server) {
      continue;
    }
    double RunResult::* number = row.measured->metric == Metric::p50 ? &RunResult::p50_us : &RunResult::per_second;
    const double value = goal.is_ratio ? spread_of(row.ratios).median : of_rounds(row, number).median;
    return Verdict{goal, row.measured->meets(value, goal)};
  }
  return std::nullopt;
}

std::string goal_text(const Row& row) {
  const std::optional<Verdict> verdict = verdict_of(row);
  if (!verdict) {
    return "";
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s %s %.*f%s", verdict->is_met ? "met" : "MISSED",
                row.measured->metric == Metric::p50 ? "<=" : ">=", verdict->goal.is_ratio ? 2 : 0, verdict->goal.bound,
                verdict->goal.is_ratio ? "x" : "/s");
  return text.data();
}

void print_json_spread(std::FILE* file, const char* name, const Spread& spread) {
  std::fprintf(file, ", \"%s\": {\"median\": %.3f, \"low\": %.3f, \"high\": %.3f}", name, spread.median, spread.low,
               spread.high);
}

}  // namespace

void Report::print_table() const {
  std::string heading;
  for (const Row& row : rows_) {
    const std::string group = std::string(name_of(row.placement)) + ": " + row.measured->title;
    if (group != heading) {
      heading = group;
      std::printf("\n%-44s %9s %9s %11s  %-22s %s\n", group.c_str(), "p50 us", "p99 us", "requests/s", "to the echo",
                  "goal");
    }
    const Spread ratio = spread_of(row.ratios);
    std::array<char, 48> ratio_text{};
    if (!row.ratios.empty()) {
      std::snprintf(ratio_text.data(), ratio_text.size(), "%.2fx (%.2f to %.2f)", ratio.median, ratio.low, ratio.high);
    }
    const std::string server = row.server == "echo" ? "echo" : "agent, audit " + row.server;
    std::printf("  %-42s %9.2f %9.2f %11.0f  %-22s %s\n", server.c_str(), of_rounds(row, &RunResult::p50_us).median,
                of_rounds(row, &RunResult::p99_us).median, of_rounds(row, &RunResult::per_second).median,
                ratio_text.data(), goal_text(row).c_str());
    if (failures_of(row) > 0) {
      std::printf("  %llu replies told an error\n", static_cast<unsigned long long>(failures_of(row)));
    }
  }
  if (!figures_.empty()) {
    std::printf("\n%-72s %10s  %s\n", "memory and start", "", "goal");
  }
  for (const Figure& figure : figures_) {
    std::printf("  %-70s %10.2f  %s %g %s\n", figure.name.c_str(), figure.value,
                figure.value <= figure.bound ? "met <=" : "MISSED <=", figure.bound, figure.unit.c_str());
  }
}

void Report::write_json(const std::string& path) const {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    give_up(path);
  }
  std::fputs("{\"cases\": [", file);
  const char* separator = "";
  for (const Row& row : rows_) {
    std::fprintf(file, "%s\n  {\"placement\": \"%s\", \"case\": \"%s\", \"server\": \"%s\", \"rounds\": %zu", separator,
                 std::string(name_of(row.placement)).c_str(), row.measured->name.c_str(), row.server.c_str(),
                 row.rounds.size());
    print_json_spread(file, "p50_us", of_rounds(row, &RunResult::p50_us));
    print_json_spread(file, "p99_us", of_rounds(row, &RunResult::p99_us));
    print_json_spread(file, "per_second", of_rounds(row, &RunResult::per_second));
    if (!row.ratios.empty()) {
      print_json_spread(file, "ratio", spread_of(row.ratios));
    }
    if (const std::optional<Verdict> verdict = verdict_of(row)) {
      std::fprintf(file, ", \"goal\": %g, \"met\": %s", verdict->goal.bound, verdict->is_met ? "true" : "false");
    }
    std::fprintf(file, ", \"failures\": %llu}", static_cast<unsigned long long>(failures_of(row)));
    separator = ",";
  }
  std::fputs("],\n \"figures\": [", file);
  separator = "";
  for (const Figure& figure : figures_) {
    std::fprintf(file, "%s\n  {\"name\": \"%s\", \"value\": %.3f, \"bound\": %g, \"unit\": \"%s\", \"met\": %s}",
                 separator, figure.name.c_str(), figure.value, figure.bound, figure.unit.c_str(),
                 figure.value <= figure.bound ? "true" : "false");
    separator = ",";
  }
  std::fputs("]}\n", file);
  std::fclose(file);
}

int Report::misses() const {
  int missed = 0;
  for (const Row& row : rows_) {
    const std::optional<Verdict> verdict = verdict_of(row);
    missed += (verdict && !verdict->is_met) || failures_of(row) > 0 ? 1 : 0;
  }
  for (const Figure& figure : figures_) {
    missed += figure.value > figure.bound ? 1 : 0;
  }
  return missed;
}

}  // namespace tantalus::bench
