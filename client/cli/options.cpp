// SPDX-License-Identifier: Apache-2.0
#include "client/cli/options.h"

#include <getopt.h>

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace tantalus::cli {
namespace {

constexpr int first_value = 256;  // Past every letter: what getopt_long returns for the n-th long option.

}  // namespace

void Options::add(const char* name, char letter, bool has_value,
                  std::function<std::optional<std::string>(const char*)> set) {
  options_.push_back({name, letter, has_value, std::move(set)});
}

Options& Options::flag(const char* name, bool& target, char letter) {
  add(name, letter, false, [&target](const char*) {
    target = true;
    return std::nullopt;
  });
  return *this;
}

Options& Options::text(const char* name, std::optional<std::string>& target, char letter) {
  add(name, letter, true, [&target](const char* value) {
    target = value;
    return std::nullopt;
  });
  return *this;
}

Options& Options::list(const char* name, std::vector<std::string>& target) {
  add(name, '\0', true, [&target](const char* value) {
    target.emplace_back(value);
    return std::nullopt;
  });
  return *this;
}

Options& Options::duration(const char* name, std::optional<Millis>& target) {
  add(name, '\0', true, [&target](const char* value) -> std::optional<std::string> {
    target = duration_from_text(value);
    return target ? std::nullopt : std::optional<std::string>("is a duration, such as 250ms, 30s, 5m, 1h or 90d");
  });
  return *this;
}

Options& Options::number(const char* name, std::uint32_t& target) {
  add(name, '\0', true, [&target](const char* value) -> std::optional<std::string> {
    const std::string_view text = value;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    return error == std::errc{} && end == text.data() + text.size() ? std::nullopt
                                                                    : std::optional<std::string>("is a whole number");
  });
  return *this;
}

Outcome<std::vector<std::string>> Options::parse(std::span<char* const> arguments, bool stops) {
  std::string letters = stops ? "+:" : ":";
  std::vector<::option> table;
  for (std::size_t i = 0; i < options_.size(); ++i) {
    const Option& option = options_[i];
    const int value = option.letter != '\0' ? option.letter : first_value + static_cast<int>(i);
    table.push_back({option.name, option.has_value ? required_argument : no_argument, nullptr, value});
    if (option.letter != '\0') {
      letters += option.letter;
      letters += option.has_value ? ":" : "";
    }
  }
  table.push_back({nullptr, 0, nullptr, 0});
  // getopt_long moves the operands to the end of the array that it is given, whose first element it skips.
  std::string name = "tantalus";
  std::vector<char*> argv{name.data()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const int count = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  opterr = 0;
  optind = 0;  // glibc: begin anew.
  while (true) {
    const int found = getopt_long(count, argv.data(), letters.c_str(), table.data(), nullptr);
    if (found == -1) {
      break;
    }
    const std::string given = argv[static_cast<std::size_t>(optind - 1)];
    if (found == ':') {
      return std::unexpected(usage_problem(command_, given + " needs a value"));
    }
    const Option* option = nullptr;
    for (std::size_t i = 0; i < options_.size(); ++i) {
      if (found == first_value + static_cast<int>(i) || (found == options_[i].letter && found != '\0')) {
        option = &options_[i];
      }
    }
    if (option == nullptr) {
      const bool is_known = optopt != 0 && given.starts_with("--");
      return std::unexpected(usage_problem(command_, is_known ? given.substr(0, given.find('=')) + " takes no value"
                                                     : optopt != 0
                                                         ? std::string("unknown option -") + static_cast<char>(optopt)
                                                         : "unknown option " + given));
    }
    if (const std::optional<std::string> wrong = option->set(optarg); wrong) {
      return std::unexpected(usage_problem(command_, std::string("--") + option->name + " " + *wrong));
    }
  }
  return std::vector<std::string>(argv.begin() + optind, argv.begin() + count);
}

void Common::add_to(Options& options) {
  options.text("socket", socket).text("token", token).duration("wait", wait).duration("max-age", max_age);
  options.flag("quiet", quiet, 'q').flag("help", help, 'h').flag("version", version);
}

std::optional<Millis> duration_from_text(std::string_view text) noexcept {
  if (text == "0") {
    return Millis{0};
  }
  struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
  };
  constexpr std::array units{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                             Unit{"d", 86'400'000}};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) {
    return std::nullopt;
  }
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (name == unit.name) {
      // The wire's max_age and poll(2) both end well before this.
      constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
      return number <= most * 60 / unit.milliseconds ? std::optional(Millis(number * unit.milliseconds)) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace tantalus::cli
