// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "protocol/error.h"

namespace tantalus::test {

/// A folder of the test's own, gone with it.
class TempDir {
 public:
  TempDir() {
    std::string name = "/tmp/tantalus-test-XXXXXX";
    check(::mkdtemp(name.data()) != nullptr, "no temporary folder");
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tantalus::test
