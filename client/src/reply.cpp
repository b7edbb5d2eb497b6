// SPDX-License-Identifier: Apache-2.0
#include "client/src/reply.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace tantalus::client {
namespace {

response::Member text_member(const char* name, std::string_view text) {
  response::Member member;
  member.name = name;
  member.kind = response::Member::Kind::text;
  member.text = text;
  return member;
}

response::Member nil_member(const char* name) {
  response::Member member;
  member.name = name;
  return member;
}

response::Member text_or_nil(const char* name, std::string_view text) {
  return text.empty() ? nil_member(name) : text_member(name, text);
}

}  // namespace

std::unique_ptr<tantalus_secret> make_secret(const std::shared_ptr<LockedHeap>& heap,
                                             const response::SecretView& view) {
  const std::array texts{view.key, view.source, view.scope, view.id, view.version};
  std::size_t needed = view.value.size() + 1;
  for (const std::string_view text : texts) {
    needed += text.size() + 1;
  }
  const std::span<std::byte> block = heap->allocate(needed);
  std::unique_ptr<tantalus_secret> secret(block.empty() ? nullptr : new (std::nothrow) tantalus_secret);
  if (secret == nullptr) {
    heap->release(block);
    return nullptr;
  }
  secret->heap = heap;
  secret->block = block;
  secret->size = view.value.size();
  std::ranges::copy(view.value, block.begin());  // The block is zeros: what is copied ends in NUL.
  std::size_t place = view.value.size() + 1;
  const std::array members{&secret->key, &secret->source, &secret->scope, &secret->id, &secret->version};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    char* const text = reinterpret_cast<char*>(block.data() + place);
    std::ranges::copy(texts[i], text);
    *members[i] = text;
    place += texts[i].size() + 1;
  }
  if (view.id.empty()) {
    secret->id = nullptr;
  }
  secret->updated_at = view.updated_at.value_or(-1);
  secret->age = view.age;
  secret->ttl = view.ttl;
  secret->cached = view.cached;
  secret->stale = view.stale;
  return secret;
}

std::unique_ptr<tantalus_secret> make_default(const std::shared_ptr<LockedHeap>& heap, const ReferenceText& reference) {
  response::SecretView view;
  view.value = std::as_bytes(std::span(*reference.default_value));
  view.key = reference.key;
  view.source = reference.source ? to_text(*reference.source) : std::string_view{};
  view.scope = to_text(reference.scope);
  view.id = reference.id;
  std::unique_ptr<tantalus_secret> secret = make_secret(heap, view);
  if (secret != nullptr) {
    secret->is_default = true;
  }
  return secret;
}

Subscribed to_subscribed(const response::SubscriptionItem& item) {
  Subscribed state{std::string(item.key), std::string(item.source), std::string(item.scope), std::string(item.id), {}};
  if (item.version) {
    state.version = std::string(*item.version);
  }
  return state;
}

Row to_row(const Subscribed& state) {
  Row row;
  row.members.push_back(text_member("key", state.key));
  row.members.push_back(text_member("source", state.source));
  row.members.push_back(text_member("scope", state.scope));
  if (!state.id.empty()) {
    row.members.push_back(text_member("id", state.id));
  }
  row.members.push_back(state.version ? text_member("version", *state.version) : nil_member("version"));
  return row;
}

Row to_row(const response::CatalogItem& item) {
  Row row;
  if (item.error) {
    row.failure = to_failure(*item.error);
  } else {
    row.members.push_back(text_member("key", item.key));
  }
  row.members.push_back(text_member("source", item.source));
  row.members.push_back(text_member("scope", item.scope));
  if (!item.id.empty()) {
    row.members.push_back(text_member("id", item.id));
  }
  if (item.error) {
    return row;
  }
  row.members.push_back(text_or_nil("version", item.version));
  row.members.push_back(nil_member("updated_at"));
  if (item.updated_at) {
    row.members.back().kind = response::Member::Kind::integer;
    row.members.back().integer = *item.updated_at;
  }
  row.members.push_back(text_or_nil("updated_by", item.updated_by));
  return row;
}

}  // namespace tantalus::client
