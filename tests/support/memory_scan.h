// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace tantalus::test {

/// What is looked for: a secret's bytes, and each base64 text that could hold them, whatever stands before them.
[[nodiscard]] std::vector<std::string> forms_of(const std::string& bytes);

struct MemoryScan {
  std::vector<std::string> found;  ///< Where: the mapping and the form.
  std::size_t scanned = 0;         ///< Bytes that could be read.
  std::size_t locked = 0;          ///< Bytes of mappings that are locked, which are not scanned unless asked for.
  std::size_t unreadable = 0;      ///< Bytes that even root may not read: memfd_secret.
};

/// Reads the memory of a process that the caller may trace (proc_pid_mem(5)) and looks for the forms.
[[nodiscard]] MemoryScan scan_memory(pid_t pid, const std::vector<std::string>& forms, bool locked_too);

}  // namespace tantalus::test
