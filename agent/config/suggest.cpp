// SPDX-License-Identifier: Apache-2.0
#include "agent/config/suggest.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "agent/config/reading.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

constexpr std::size_t max_word = 64;

/// How many letters to change, put in, take out or swap with their neighbour (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row.back();
}

/// As it is when only words are compared: maxFrame, max-frame and max_frame are one.
std::string plain(std::string_view word) {
  std::string letters;
  for (const char c : word) {
    if (c != '_' && c != '-' && c != '.') {
      letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
  }
  return letters;
}

/// What stands in no configuration, and what one might try.
constexpr std::array<std::string_view, 8> credentials{"token",    "role_id", "secret_id", "password",
                                                      "username", "secret",  "jwt",       "token_file"};

/// The sections in which a key of this name belongs.
std::vector<std::string> homes_of(std::string_view name) {
  std::vector<std::string> homes;
  for (const std::string& key : schema_keys()) {
    const std::size_t dot = key.rfind('.');
    if (dot != std::string::npos && std::string_view(key).substr(dot + 1) == name) {
      homes.push_back(key.substr(0, dot));
    }
  }
  return homes;
}

std::string hint_for(std::string_view name, std::span<const std::string_view> known) {
  if (const std::string_view near = nearest_word(name, known); !near.empty()) {
    return "did you mean `" + std::string(near) + "`?";
  }
  if (std::ranges::find(credentials, name) != credentials.end()) {
    return "credentials never stand in this file, which only names where they are";
  }
  if (const std::vector<std::string> homes = homes_of(name); homes.size() == 1) {
    return "it belongs in `" + homes.front() + "`";
  }
  return "this section has " + join_words(known);
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > max_word) {
    return {};
  }
  const std::string letters = plain(word);
  std::string_view nearest;
  std::size_t least = std::min<std::size_t>(2, std::max<std::size_t>(1, letters.size() / 3)) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t d = distance(letters, plain(candidate));
    if (d < least) {
      least = d;
      nearest = candidate;
    }
  }
  return nearest;
}

void refuse_unknown_key(const Value& section, const yaml::Node& key, std::span<const std::string_view> known) {
  const std::string path = section.path().empty() ? key.text : section.path() + "." + key.text;
  section.reading().refuse(key.at, path, "unknown key: " + hint_for(key.text, known));
}

}  // namespace tantalus
