// SPDX-License-Identifier: Apache-2.0
#include "client/cli/json.h"

#include <rapidjson/reader.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace tantalus::cli {
namespace {

constexpr std::size_t simd_padding = 16;  // RapidJSON's SSE2 scan reads past the terminator.
constexpr std::size_t max_depth = 64;
constexpr std::size_t max_nodes = 100'000;

/// Builds the tree: the stack holds the containers that are open, each the last child of the one below it, so that what
/// is added to the top moves none of them.
class TreeBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TreeBuilder> {
 public:
  explicit TreeBuilder(JsonNode& root) : root_(root) {}

  bool Default() { return add(JsonNode::Kind::other) != nullptr; }
  bool Null() { return add(JsonNode::Kind::null) != nullptr; }
  // A number keeps its text, and is none.
  bool RawNumber(const char* /*text*/, rapidjson::SizeType /*size*/, bool /*copy*/) { return Default(); }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    JsonNode* const node = add(JsonNode::Kind::text);
    if (node != nullptr) {
      node->text = {text, size};
    }
    return node != nullptr;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    open_.back()->names.emplace_back(text, size);
    return true;
  }
  bool StartObject() { return open(JsonNode::Kind::object); }
  bool StartArray() { return open(JsonNode::Kind::array); }
  bool EndObject(rapidjson::SizeType /*members*/) { return close(); }
  bool EndArray(rapidjson::SizeType /*elements*/) { return close(); }

 private:
  JsonNode* add(JsonNode::Kind kind) {
    if (++nodes_ > max_nodes) {
      return nullptr;
    }
    JsonNode* const node = open_.empty() ? &root_ : &open_.back()->children.emplace_back();
    node->kind = kind;
    return node;
  }
  bool open(JsonNode::Kind kind) {
    JsonNode* const node = open_.size() < max_depth ? add(kind) : nullptr;
    if (node != nullptr) {
      open_.push_back(node);
    }
    return node != nullptr;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  JsonNode& root_;
  std::vector<JsonNode*> open_;
  std::size_t nodes_ = 0;
};

}  // namespace

const JsonNode* JsonNode::member(std::string_view name) const noexcept {
  const auto found = std::ranges::find(names, name);
  if (found == names.end() || std::find(found + 1, names.end(), name) != names.end()) {
    return nullptr;
  }
  return &children[static_cast<std::size_t>(found - names.begin())];
}

bool JsonText::parse(std::string_view text) {
  constexpr std::array<std::byte, simd_padding> zeros{};
  root_ = {};
  bytes_.clear();
  if (text.contains('\0')) {
    where_ = text.find('\0');  // For the parser a NUL is the end.
    return false;
  }
  if (!bytes_.reserve(text.size() + simd_padding) || !bytes_.append(std::as_bytes(std::span(text))) ||
      !bytes_.append(zeros)) {
    return false;
  }
  // It recurses, as deep as TreeBuilder lets it; so it needs no memory of its own.
  constexpr unsigned flags =
      rapidjson::kParseInsituFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::InsituStringStream stream(reinterpret_cast<char*>(bytes_.bytes().data()));
  rapidjson::Reader reader;
  TreeBuilder builder(root_);
  const bool parsed = !reader.Parse<flags>(stream, builder).IsError();
  where_ = reader.GetErrorOffset();
  return parsed;
}

bool is_secret_object(const JsonNode& node) noexcept {
  const auto has = [](const JsonNode& object, std::string_view name, JsonNode::Kind kind) -> const JsonNode* {
    const auto found = std::ranges::find(object.names, name);
    if (found == object.names.end()) {
      return nullptr;
    }
    const JsonNode& child = object.children[static_cast<std::size_t>(found - object.names.begin())];
    return child.is(kind) ? &child : nullptr;
  };
  const JsonNode* const source = has(node, "source", JsonNode::Kind::object);
  const JsonNode* const type = source == nullptr ? nullptr : has(*source, "type", JsonNode::Kind::text);
  return type != nullptr && source_from_text(type->text) && has(node, "key", JsonNode::Kind::text) != nullptr;
}

Result<ReferenceText> read_secret_object(const JsonNode& node) {
  if (!node.is(JsonNode::Kind::object)) {
    return fail(Code::invalid_request, "must be an object with key and source");
  }
  const JsonNode* const key = node.member("key");
  if (key == nullptr || !key->is(JsonNode::Kind::text)) {
    return fail(Code::invalid_request, "key must be there once, as text");
  }
  const JsonNode* const source = node.member("source");
  if (source == nullptr || !source->is(JsonNode::Kind::object)) {
    return fail(Code::invalid_request, "source must be there once, as an object with type and id");
  }
  const JsonNode* const type = source->member("type");
  ReferenceText reference;
  reference.source = type != nullptr && type->is(JsonNode::Kind::text) ? source_from_text(type->text) : std::nullopt;
  if (!reference.source) {
    return fail(Code::invalid_request, "source.type must be KUBERNETES or VAULT");
  }
  reference.key = key->text;
  const JsonNode* const id = source->member("id");
  const bool has_id = std::ranges::find(source->names, "id") != source->names.end();
  if (has_id && (id == nullptr || !(id->is(JsonNode::Kind::text) || id->is(JsonNode::Kind::null)))) {
    return fail(Code::invalid_request, "source.id must be there once, as text");
  }
  if (has_id && id->is(JsonNode::Kind::text)) {
    reference.id = id->text;
  }
  if (Result<void> valid = validate(reference.view(), *reference.source); !valid) {
    return std::unexpected(std::move(valid.error()));
  }
  return reference;
}

}  // namespace tantalus::cli
