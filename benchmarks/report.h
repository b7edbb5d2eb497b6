// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "benchmarks/bench_cases.h"
#include "benchmarks/placement.h"
#include "benchmarks/samples.h"

namespace tantalus::bench {

/// All rounds of one case against one server, on one placement.
struct Row {
  Placement placement = Placement::one_core;
  const Case* measured = nullptr;
  std::string server;  ///< "echo", or the agent's audit setting.
  std::vector<RunResult> rounds;
  std::vector<double> ratios;  ///< To the echo of the same round; empty for the echo itself.
};

/// One number with a bound, of the memory and start-up part.
struct Figure {
  std::string name;
  double value = 0;
  double bound = 0;
  std::string unit;
};

class Report {
 public:
  void add(Row row) { rows_.push_back(std::move(row)); }
  void add(Figure figure) { figures_.push_back(std::move(figure)); }

  void print_table() const;
  void write_json(const std::string& path) const;
  /// Goals that were missed, and requests that failed.
  [[nodiscard]] int misses() const;

 private:
  std::vector<Row> rows_;
  std::vector<Figure> figures_;
};

}  // namespace tantalus::bench
