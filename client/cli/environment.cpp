// SPDX-License-Identifier: Apache-2.0
#include "client/cli/environment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "client/cli/format.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3; headers of Debian 12 lack it.
#endif

namespace tantalus::cli {

Environment::Environment(char** variables) : text_(client::LockedHeap::make()) {
  for (; *variables != nullptr; ++variables) {
    const std::string_view text = *variables;
    const std::size_t equals = text.find('=');
    // getenv(3) finds the first of two: the second is kept, and means nothing.
    if (equals == std::string_view::npos || equals == 0 || index_.contains(text.substr(0, equals))) {
      variables_.push_back({std::string(text), {}, std::nullopt, Delivery::variable});
      continue;
    }
    set_or_find(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
}

void Environment::set(const std::string& name, std::string text) {
  Variable& variable = place(name);
  variable.text = std::move(text);
  variable.reference.reset();
}

void Environment::set(const std::string& name, Outcome<Argument> reference, Delivery delivery) {
  Variable& variable = place(name);
  variable.reference = std::move(reference);
  variable.delivery = delivery;
}

void Environment::set_or_find(const std::string& name, std::string text) {
  if (std::optional<Outcome<Argument>> found = find_reference(text); found) {
    set(name, std::move(*found), Delivery::variable);
    return;
  }
  set(name, std::move(text));
}

std::vector<Argument> Environment::references() const {
  std::vector<Argument> references;
  for (const Variable& variable : variables_) {
    if (variable.reference && *variable.reference) {
      references.push_back(**variable.reference);
    }
  }
  return references;
}

std::vector<std::string> Environment::names() const {
  std::vector<std::string> names;
  for (const Variable& variable : variables_) {
    if (variable.reference && *variable.reference) {
      names.push_back(variable.name);
    }
  }
  return names;
}

std::vector<Problem> Environment::problems() const {
  std::vector<Problem> problems;
  for (const Variable& variable : variables_) {
    if (variable.reference && !*variable.reference) {
      Problem problem = variable.reference->error();
      problem.what = variable.name;
      problems.push_back(std::move(problem));
    }
  }
  return problems;
}

std::vector<Problem> Environment::fill(std::span<Answer> answers) {
  std::vector<Problem> problems;
  std::vector<std::size_t> offsets;
  std::size_t next = 0;
  for (const Variable& variable : variables_) {
    const std::size_t offset = text_.bytes().size();
    if (!variable.reference) {
      write_text(variable.name, text_);
      if (index_.contains(variable.name)) {
        write_text("=" + variable.text, text_);
      }
    } else {
      Answer& answer = answers[next++];
      if (answer.secret == nullptr) {
        continue;  // `optional=true`, not found: as if unset.
      }
      if (std::optional<std::string> wrong = write(variable, *answer.secret); wrong) {
        problems.push_back({exit_code::exec_failed, variable.name, std::move(*wrong), ""});
      }
      answer.secret.reset();
    }
    write_text(std::string_view("\0", 1), text_);
    offsets.push_back(offset);
  }
  pointers_.clear();
  char* const begin = reinterpret_cast<char*>(text_.bytes().data());
  for (const std::size_t offset : offsets) {
    pointers_.push_back(begin + offset);
  }
  pointers_.push_back(nullptr);
  return problems;
}

const char* Environment::find(std::string_view name) const noexcept {
  for (const char* const variable : pointers_) {
    if (variable != nullptr && std::string_view(variable).starts_with(name) && variable[name.size()] == '=') {
      return variable + name.size() + 1;
    }
  }
  return nullptr;
}

Environment::Variable& Environment::place(const std::string& name) {
  const auto [entry, is_new] = index_.try_emplace(name, variables_.size());
  if (is_new) {
    variables_.push_back({name, {}, std::nullopt, Delivery::variable});
  }
  return variables_[entry->second];
}

std::optional<std::string> Environment::write(const Variable& variable, const tantalus_secret& secret) {
  const std::span<const std::byte> value = value_of(secret);
  write_text(variable.name + "=", text_);
  if (variable.delivery == Delivery::file) {
    const Outcome<std::string> path = make_value_file(variable.name, value);
    if (!path) {
      return path.error().why;
    }
    write_text(*path, text_);
    return std::nullopt;
  }
  if (std::ranges::find(value, std::byte{0}) != value.end()) {
    return "the value holds a NUL byte, which no variable can: give it as a file, with --file " + variable.name +
           "=REF";
  }
  check(text_.append(value), "no memory for the environment");
  return std::nullopt;
}

Outcome<std::string> make_value_file(const std::string& name, std::span<const std::byte> bytes) {
  const auto failed = [&](const char* what) {
    return std::unexpected(
        Problem{exit_code::exec_failed, name, std::string(what) + ": " + strerrordesc_np(errno), ""});
  };
  // Not close-on-exec: the command is to have it. Kernels before 6.3 don't know MFD_NOEXEC_SEAL (memfd_create(2)).
  int fd = memfd_create("tantalus", MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) {
    fd = memfd_create("tantalus", MFD_ALLOW_SEALING);
  }
  if (fd < 0) {
    return failed("memfd_create");
  }
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return failed("writing to memory");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (fchmod(fd, S_IRUSR) != 0 || lseek(fd, 0, SEEK_SET) != 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return failed("sealing memory");
  }
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace tantalus::cli
