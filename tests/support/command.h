// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tantalus::test {

struct Command {
  std::vector<std::string> words;                       ///< The program is found in PATH.
  std::map<std::string, std::string> environment = {};  ///< Added to the test's own.
  std::optional<uid_t> user = {};                       ///< Uid and gid, no other groups.
  std::string input = {};
};

struct Finished {
  int exit_code = -1;  ///< Less than 0: the signal that ended it.
  std::string out;
  std::string err;
};

/// Runs a program to its end, which comes within a minute or is made.
[[nodiscard]] Finished run(const Command& command);

}  // namespace tantalus::test
