// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/error/error.h>
#include <rapidjson/reader.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tantalus::test {

/// A JSON text as paths and scalars, such as `backends/0/state` and `degraded`; of an array or object its path and its
/// size. (RapidJSON's own tree does not compile with clang 19.)
class Json {
 public:
  explicit Json(std::string_view text) {
    // In place, as RapidJSON's stack, empty, does sums with a null pointer, which a sanitizer refuses.
    std::string copy(text);
    copy.append(16, '\0');  // Strings are scanned 16 bytes at a time.
    rapidjson::InsituStringStream stream(copy.data());
    rapidjson::Reader reader;
    constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag;
    is_whole_ = !reader.Parse<flags>(stream, *this).IsError();
  }

  [[nodiscard]] bool is_whole() const { return is_whole_; }
  [[nodiscard]] bool has(const std::string& path) const { return scalars_.contains(path); }
  /// "(absent)" where there is none.
  [[nodiscard]] std::string at(const std::string& path) const {
    const auto found = scalars_.find(path);
    return found == scalars_.end() ? "(absent)" : found->second;
  }
  [[nodiscard]] std::size_t size(const std::string& path) const { return std::stoul(at(path)); }

  // RapidJSON's handler.
  bool Null() { return add("null"); }
  bool Bool(bool truth) { return add(truth ? "true" : "false"); }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return add({text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool) { return add({text, size}); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    levels_.back().name = std::string(text, size);
    return true;
  }
  bool StartObject() { return open(false); }
  bool EndObject(rapidjson::SizeType size) { return close(size); }
  bool StartArray() { return open(true); }
  bool EndArray(rapidjson::SizeType size) { return close(size); }

 private:
  struct Level {
    bool is_array;
    std::size_t index;
    std::string name;
  };
  [[nodiscard]] std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      text += (text.empty() ? "" : "/") + (level.is_array ? std::to_string(level.index) : level.name);
    }
    return text;
  }
  void step() {
    if (!levels_.empty()) {
      ++levels_.back().index;
    }
  }
  bool add(std::string_view scalar) {
    scalars_[path()] = scalar;
    step();
    return true;
  }
  bool open(bool is_array) {
    levels_.push_back({is_array, 0, ""});
    return true;
  }
  bool close(std::size_t size) {
    levels_.pop_back();
    scalars_[path()] = std::to_string(size);
    step();
    return true;
  }
  std::vector<Level> levels_;
  std::map<std::string, std::string> scalars_;
  bool is_whole_ = false;
};

}  // namespace tantalus::test
