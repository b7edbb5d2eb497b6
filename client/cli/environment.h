// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/agent.h"
#include "client/cli/argument.h"
#include "client/cli/problem.h"
#include "client/src/locked.h"

namespace tantalus::cli {

/// The variables of the command that exec becomes, in order, each as text or as the reference whose value it will be.
class Environment {
 public:
  enum class Delivery : unsigned char { variable, file };

  /// `NAME=VALUE` as environ(7) has them; what is no such pair is kept as it is.
  explicit Environment(char** variables);

  /// Replaces the variable in its place, or adds it at the end.
  void set(const std::string& name, std::string text);
  void set(const std::string& name, Outcome<Argument> reference, Delivery delivery);
  /// A value that is a whole reference becomes one; any other stays.
  void set_or_find(const std::string& name, std::string text);

  /// The references, to be resolved together, and what is wrong with those that are none, by variable.
  [[nodiscard]] std::vector<Argument> references() const;
  [[nodiscard]] std::vector<std::string> names() const;  ///< Of the references, in the same order.
  [[nodiscard]] std::vector<Problem> problems() const;

  /// Takes the answers in the order of references(): builds the block of NAME=VALUE that execve takes, in locked
  /// memory. A problem for each variable that can't be made.
  [[nodiscard]] std::vector<Problem> fill(std::span<Answer> answers);
  [[nodiscard]] char** block() noexcept { return pointers_.data(); }
  /// What a variable is, once filled; null: unset.
  [[nodiscard]] const char* find(std::string_view name) const noexcept;

 private:
  struct Variable {
    std::string name;
    std::string text;
    std::optional<Outcome<Argument>> reference;
    Delivery delivery = Delivery::variable;
  };
  Variable& place(const std::string& name);
  [[nodiscard]] std::optional<std::string> write(const Variable& variable, const tantalus_secret& secret);

  std::vector<Variable> variables_;
  std::map<std::string, std::size_t, std::less<>> index_;
  client::LockedBuffer text_;
  std::vector<char*> pointers_;
};

/// A sealed memfd that the command inherits, and its `/proc/self/fd/N`.
[[nodiscard]] Outcome<std::string> make_value_file(const std::string& name, std::span<const std::byte> bytes);

}  // namespace tantalus::cli
