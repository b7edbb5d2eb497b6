// SPDX-License-Identifier: Apache-2.0
#include "backends/file/manifest.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "backends/codec/base64.h"
#include "backends/codec/yaml_events.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"

namespace tantalus {
namespace {

constexpr std::size_t max_name = 253;    // Of an object, as Kubernetes has it (RFC 1123 subdomain).
constexpr std::size_t max_skipped = 16;  // Lines in the log for one file.

bool is_secret(const std::optional<std::string>& kind, const std::optional<std::string>& api_version) noexcept {
  return kind == "Secret" && (!api_version || api_version == "v1");
}

bool is_list(const std::optional<std::string>& kind, const std::optional<std::string>& api_version) noexcept {
  return (kind == "List" || kind == "SecretList") && (!api_version || api_version == "v1");
}

bool is_object_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= max_name && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

bool is_value_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= limits::max_key && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

bool is_of_store(std::string_view name, std::string_view store) noexcept {
  return name.starts_with(store) && (name.size() == store.size() || name[store.size()] == '-');
}

bool means_null(const ParseEvent& event) noexcept {
  return event.plain && event.tag != Tag::str && yaml::is_null(event.text);
}

}  // namespace

void ManifestReader::Draft::object_to(Position where, const char* what) {
  if (!problem) {
    problem = Problem{where, what, false};
  }
}

bool ManifestReader::Draft::may_be_secret() const noexcept {
  return !kind || is_secret(kind, api_version);
}

ManifestReader::ManifestReader(Arena& arena, std::string_view store, Limits limits)
    : arena_(arena), store_(store), objects_left_(limits.objects), values_left_(limits.values) {
  check(getrandom(&hash_key_, sizeof hash_key_, 0) == static_cast<ssize_t>(sizeof hash_key_), "getrandom(2) failed");
  hash_key_.step |= 1U;
}

std::optional<Problem> ManifestReader::on(const ParseEvent& event) {
  using Kind = ParseEvent::Kind;
  switch (event.kind) {
    case Kind::stream_end:
    case Kind::document_end:
      return std::nullopt;
    case Kind::document_start:
      frames_.clear();
      drafts_.clear();
      in_item_ = false;
      root_ = Draft{};
      return std::nullopt;
    case Kind::mapping_end:
    case Kind::sequence_end:
      return on_close();
    default:
      break;
  }
  if (frames_.empty()) {
    return on_value(Role::document, event);
  }
  Frame& frame = frames_.back();
  if (!frame.mapping) {
    return on_value(frame.role == Role::items ? Role::item : Role::ignored, event);
  }
  if (frame.at_key) {
    return on_key(frame, event);
  }
  frame.at_key = true;
  return on_value(frame.next, event);
}

std::optional<Problem> ManifestReader::on_key(Frame& frame, const ParseEvent& event) {
  if (event.kind != ParseEvent::Kind::scalar) {
    return Problem{event.at, "a key must be a word, not a list or a mapping", false};
  }
  // As hashes: a key in the wrong place may be a piece of a value.
  KeyedHash hash(hash_key_, 0);
  hash.add(event.text);
  if (!frame.seen.insert(hash.value()).second) {
    return Problem{event.at, "duplicate key", false};
  }
  frame.at_key = false;
  frame.next = role_of_key(frame.role, event.text);
  frame.key_at = event.at;
  if (frame.next == Role::data_value || frame.next == Role::string_value) {
    frame.key.clear();
    if (is_value_key(event.text)) {
      frame.key = event.text;
    }
  }
  return std::nullopt;
}

ManifestReader::Role ManifestReader::role_of_key(Role mapping, std::string_view key) noexcept {
  switch (mapping) {
    case Role::document:
    case Role::item:
      if (key == "kind") {
        return Role::kind;
      }
      if (key == "apiVersion") {
        return Role::api_version;
      }
      if (key == "metadata") {
        return Role::metadata;
      }
      if (key == "data") {
        return Role::data;
      }
      if (key == "stringData") {
        return Role::string_data;
      }
      return key == "items" && mapping == Role::document ? Role::items : Role::ignored;
    case Role::metadata:
      return key == "name" ? Role::name : Role::ignored;
    case Role::data:
      return Role::data_value;
    case Role::string_data:
      return Role::string_value;
    default:
      return Role::ignored;
  }
}

std::optional<Problem> ManifestReader::on_value(Role role, const ParseEvent& event) {
  if (event.kind == ParseEvent::Kind::scalar) {
    return on_scalar(role, event);
  }
  const bool mapping = event.kind == ParseEvent::Kind::mapping_start;
  Role inner = role;
  switch (role) {
    case Role::document:
      if (!mapping) {
        return Problem{event.at, "a manifest is expected", false};
      }
      root_.at = event.at;
      break;
    case Role::item:
      if (!mapping) {
        current().object_to(event.at, "`items` must be a list of manifests");
        inner = Role::ignored;
        break;
      }
      if (drafts_.size() >= objects_left_) {
        return Problem{event.at, "too many objects in one file", false};
      }
      drafts_.emplace_back().at = event.at;
      in_item_ = true;
      break;
    case Role::items:
      if (mapping) {
        inner = Role::ignored;
        current().object_to(event.at, "`items` must be a list of manifests");
      }
      break;
    case Role::metadata:
    case Role::data:
    case Role::string_data:
      if (!mapping) {
        inner = Role::ignored;
        current().object_to(event.at, "a mapping is expected");
      }
      break;
    case Role::kind:
    case Role::api_version:
    case Role::name:
    case Role::data_value:
    case Role::string_value:
      inner = Role::ignored;
      current().object_to(event.at, "a single value is expected, not a list or a mapping");
      break;
    case Role::ignored:
      break;
  }
  frames_.push_back(Frame{inner, mapping, true, Role::ignored, {}, event.at, {}});
  return std::nullopt;
}

std::optional<Problem> ManifestReader::on_scalar(Role role, const ParseEvent& event) {
  Draft& draft = current();
  switch (role) {
    case Role::document:
      if (!means_null(event)) {
        return Problem{event.at, "a manifest is expected", false};
      }
      return std::nullopt;  // A document that says nothing, as a stray `---` makes.
    case Role::kind:
      draft.kind = event.text.substr(0, max_name);
      return std::nullopt;
    case Role::api_version:
      draft.api_version = event.text.substr(0, max_name);
      return std::nullopt;
    case Role::name:
      if (is_object_name(event.text) && !means_null(event)) {
        draft.name = event.text;
      } else {
        draft.object_to(event.at, "`metadata.name` is no name of an object");
      }
      return std::nullopt;
    case Role::data_value:
      return keep(draft.data, event, true);
    case Role::string_value:
      return keep(draft.string_data, event, false);
    case Role::metadata:
    case Role::data:
    case Role::string_data:
    case Role::items:
      if (!means_null(event)) {
        draft.object_to(event.at,
                        role == Role::items ? "`items` must be a list of manifests" : "a mapping is expected");
      }
      return std::nullopt;
    case Role::item:
      draft.object_to(event.at, "`items` must be a list of manifests");
      return std::nullopt;
    case Role::ignored:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Problem> ManifestReader::keep(Values& into, const ParseEvent& event, bool base64) {
  Draft& draft = current();
  const Frame& frame = frames_.back();
  if (frame.key.empty()) {
    draft.object_to(frame.key_at, "a key must be 1 to 253 of the characters - . _ a-z A-Z 0-9");
    return std::nullopt;
  }
  if (base64 && event.tag == Tag::binary) {
    draft.object_to(event.at, "`data` is base64 already; a tag !!binary would make it so twice");
    return std::nullopt;
  }
  if (!draft.may_be_secret() || draft.problem) {
    return std::nullopt;
  }
  if (values_left_ == 0) {
    return Problem{event.at, "too many values in one file", false};
  }
  --values_left_;
  const bool decodes = base64 || event.tag == Tag::binary;
  const std::string_view text = means_null(event) ? std::string_view{} : event.text;
  Result<SecretWriter> writer = SecretWriter::make(arena_, decodes ? base64_room(text.size()) : text.size());
  if (!writer) {
    return Problem{event.at, "no room in locked memory (cache.memory)", true};
  }
  if (decodes) {
    const std::optional<std::size_t> size = base64_decode(text, writer->room());
    if (!size) {
      draft.object_to(event.at, base64 ? "the value is not base64; plain text belongs into `stringData`"
                                       : "the value is not base64");
      return std::nullopt;
    }
    writer->set_size(*size);
  } else if (Result<void> written = writer->append(std::as_bytes(std::span(text))); !written) {
    return Problem{event.at, "no room in locked memory (cache.memory)", true};
  }
  into.emplace(frame.key, std::move(*writer).freeze());
  return std::nullopt;
}

std::optional<Problem> ManifestReader::on_close() {
  const Role role = frames_.back().role;
  frames_.pop_back();
  if (role == Role::item) {
    in_item_ = false;
  }
  return role == Role::document ? judge(root_) : std::nullopt;
}

std::optional<Problem> ManifestReader::judge(Draft& root) {
  if (!root.kind) {
    return Problem{root.at, "no `kind`: a Secret manifest is expected", false};
  }
  if (!is_list(root.kind, root.api_version)) {
    return finish(root);
  }
  if (root.problem) {
    return root.problem;
  }
  for (Draft& item : drafts_) {
    if (!item.kind && root.kind == "SecretList") {
      item.kind = "Secret";
    }
    if (!item.kind) {
      return Problem{item.at, "no `kind`: a Secret manifest is expected", false};
    }
    if (std::optional<Problem> problem = finish(item)) {
      return problem;
    }
  }
  return std::nullopt;
}

std::optional<Problem> ManifestReader::finish(Draft& draft) {
  if (!is_secret(draft.kind, draft.api_version)) {
    skip(draft, "other kind");
    return std::nullopt;
  }
  if (draft.problem) {
    return draft.problem;
  }
  if (!draft.name) {
    return Problem{draft.at, "no `metadata.name`", false};
  }
  if (!is_of_store(*draft.name, store_)) {
    skip(draft, "other store");
    return std::nullopt;
  }
  if (objects_left_ == 0) {
    return Problem{draft.at, "too many objects in one file", false};
  }
  --objects_left_;
  const auto [first, is_new] = names_.emplace(*draft.name, draft.at);
  if (!is_new) {
    return Problem{
        draft.at,
        "the object " + quoted(*draft.name) + " stands twice, first in line " + std::to_string(first->second.line),
        false};
  }
  for (auto& [key, value] : draft.data) {
    draft.string_data.emplace(key, std::move(value));  // What is there already wins.
  }
  made_.objects.push_back({*draft.name, draft.at, std::move(draft.string_data)});
  return std::nullopt;
}

void ManifestReader::skip(const Draft& draft, std::string_view why) {
  if (made_.skipped.size() < max_skipped) {
    made_.skipped.push_back(std::to_string(draft.at.line) + ":" + std::to_string(draft.at.column) + ": " +
                            std::string(why) + ": " + quoted(*draft.kind) +
                            (draft.name ? " " + quoted(*draft.name) : std::string()));
  }
}

}  // namespace tantalus
