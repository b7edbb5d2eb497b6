// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "backends/codec/parse_event.h"
#include "cache/arena.h"
#include "cache/keyed_hash.h"
#include "cache/secret.h"

namespace tantalus {

/// One Secret manifest: an object of the store.
struct ManifestObject {
  std::string name;  ///< metadata.name.
  Position at;
  std::map<std::string, Secret, std::less<>> values;
};

struct Manifests {
  std::vector<ManifestObject> objects;
  /// What was passed over, in words for the log: other kinds, Secrets of another store. Bounded.
  std::vector<std::string> skipped;
};

/// Reads Kubernetes Secret manifests (API reference, Secret v1) from the events of a YAML or JSON text, values straight
/// into locked memory: several documents, `List` and `SecretList`, `data` (base64) under `stringData`. Unknown fields,
/// labels and annotations are ignored (traps 127, 128), other kinds skipped. A field's place in the text is free, so a
/// document is judged at its end.
class ManifestReader {
 public:
  struct Limits {
    std::size_t objects = 4096;
    std::size_t values = 65536;
  };

  /// Objects are called `store` or `<store>-…`; others are skipped.
  ManifestReader(Arena& arena, std::string_view store, Limits limits);

  /// Unset: go on. After a problem nothing more may be given.
  [[nodiscard]] std::optional<Problem> on(const ParseEvent& event);
  /// After the stream's end.
  [[nodiscard]] Manifests take() && { return std::move(made_); }

 private:
  /// What the coming value means.
  enum class Role : std::uint8_t {
    ignored,
    document,
    kind,
    api_version,
    metadata,
    name,
    data,
    string_data,
    data_value,
    string_value,
    items,
    item,
  };

  using Values = std::map<std::string, Secret, std::less<>>;

  /// An object while it is read. Problems of its content count only if it turns out to be a Secret.
  struct Draft {
    Position at;
    std::optional<std::string> kind;
    std::optional<std::string> api_version;
    std::optional<std::string> name;
    Values data;
    Values string_data;
    std::optional<Problem> problem;

    void object_to(Position where, const char* what);
    [[nodiscard]] bool may_be_secret() const noexcept;
  };

  /// An open mapping or sequence.
  struct Frame {
    Role role;
    bool mapping;
    bool at_key = true;
    Role next = Role::ignored;  ///< Of the value that follows the key.
    std::string key;            ///< Of `data` and `stringData`; empty: one that can't be a key.
    Position key_at;
    std::unordered_set<std::uint64_t> seen;
  };

  std::optional<Problem> on_key(Frame& frame, const ParseEvent& event);
  std::optional<Problem> on_value(Role role, const ParseEvent& event);
  std::optional<Problem> on_scalar(Role role, const ParseEvent& event);
  std::optional<Problem> keep(Values& into, const ParseEvent& event, bool base64);
  std::optional<Problem> on_close();
  std::optional<Problem> judge(Draft& root);
  std::optional<Problem> finish(Draft& draft);
  void skip(const Draft& draft, std::string_view why);
  [[nodiscard]] static Role role_of_key(Role mapping, std::string_view key) noexcept;
  [[nodiscard]] Draft& current() noexcept { return in_item_ ? drafts_.back() : root_; }

  Arena& arena_;
  std::string store_;
  std::size_t objects_left_;
  std::size_t values_left_;
  KeyedHash::Key hash_key_{};
  std::vector<Frame> frames_;
  Draft root_;
  std::vector<Draft> drafts_;  // The items of a list.
  bool in_item_ = false;
  std::map<std::string, Position, std::less<>> names_;
  Manifests made_;
};

}  // namespace tantalus
