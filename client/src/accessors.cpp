// SPDX-License-Identifier: Apache-2.0
// What programs read of secrets and replies.
#include <algorithm>
#include <string_view>

#include "client/include/tantalus/tantalus.h"
#include "client/src/reply.h"

namespace {

using tantalus::client::Row;
using tantalus::client::tell;
using Member = tantalus::response::Member;

const Row* row_of(const tantalus_reply* reply, std::size_t row) {
  return reply != nullptr && row < reply->rows.size() ? &reply->rows[row] : nullptr;
}

const Member* member_of(const tantalus_reply* reply, std::size_t row, const char* name) {
  const Row* const found = row_of(reply, row);
  if (found == nullptr || name == nullptr) {
    return nullptr;
  }
  const auto member = std::ranges::find(found->members, std::string_view(name), &Member::name);
  return member == found->members.end() ? nullptr : &*member;
}

/// In a forked child the memory reads as zeros.
bool is_there(const tantalus_secret* secret) {
  return secret != nullptr && !secret->heap->is_forked();
}

}  // namespace

void tantalus_secret_free(tantalus_secret* secret) {
  delete secret;
}

const unsigned char* tantalus_secret_data(const tantalus_secret* secret) {
  return secret == nullptr ? nullptr : reinterpret_cast<const unsigned char*>(secret->block.data());
}

size_t tantalus_secret_size(const tantalus_secret* secret) {
  return is_there(secret) ? secret->size : 0;
}

const char* tantalus_secret_key(const tantalus_secret* secret) {
  return secret == nullptr ? nullptr : secret->key;
}

const char* tantalus_secret_source(const tantalus_secret* secret) {
  return secret == nullptr ? nullptr : secret->source;
}

const char* tantalus_secret_scope(const tantalus_secret* secret) {
  return secret == nullptr ? nullptr : secret->scope;
}

const char* tantalus_secret_id(const tantalus_secret* secret) {
  return secret == nullptr ? nullptr : secret->id;
}

const char* tantalus_secret_version(const tantalus_secret* secret) {
  return secret == nullptr ? nullptr : secret->version;
}

int64_t tantalus_secret_updated_at(const tantalus_secret* secret) {
  return secret == nullptr ? -1 : secret->updated_at;
}

int64_t tantalus_secret_age_ms(const tantalus_secret* secret) {
  return secret == nullptr ? 0 : secret->age;
}

int64_t tantalus_secret_ttl_ms(const tantalus_secret* secret) {
  return secret == nullptr ? 0 : secret->ttl;
}

int tantalus_secret_is_cached(const tantalus_secret* secret) {
  return secret != nullptr && secret->cached;
}

int tantalus_secret_is_stale(const tantalus_secret* secret) {
  return secret != nullptr && secret->stale;
}

int tantalus_secret_is_default(const tantalus_secret* secret) {
  return secret != nullptr && secret->is_default;
}

void tantalus_reply_free(tantalus_reply* reply) {
  delete reply;
}

size_t tantalus_reply_rows(const tantalus_reply* reply) {
  return reply == nullptr ? 0 : reply->rows.size();
}

tantalus_status tantalus_reply_status(const tantalus_reply* reply, size_t row, tantalus_error* error) {
  const Row* const found = row_of(reply, row);
  if (found == nullptr) {
    return tell({TANTALUS_INVALID_REQUEST, 0, "there is no such row"}, error);
  }
  return tell(found->failure, found->failure.failed() ? error : nullptr);
}

const tantalus_secret* tantalus_reply_secret(const tantalus_reply* reply, size_t row) {
  const Row* const found = row_of(reply, row);
  return found == nullptr ? nullptr : found->secret.get();
}

tantalus_secret* tantalus_reply_take_secret(tantalus_reply* reply, size_t row) {
  return row_of(reply, row) == nullptr ? nullptr : reply->rows[row].secret.release();
}

size_t tantalus_reply_members(const tantalus_reply* reply, size_t row) {
  const Row* const found = row_of(reply, row);
  return found == nullptr ? 0 : found->members.size();
}

const char* tantalus_reply_name(const tantalus_reply* reply, size_t row, size_t member) {
  const Row* const found = row_of(reply, row);
  return found != nullptr && member < found->members.size() ? found->members[member].name.c_str() : nullptr;
}

tantalus_kind tantalus_reply_kind(const tantalus_reply* reply, size_t row, const char* name) {
  const Member* const member = member_of(reply, row, name);
  if (member == nullptr) {
    return TANTALUS_NIL;
  }
  switch (member->kind) {
    case Member::Kind::nil:
      return TANTALUS_NIL;
    case Member::Kind::boolean:
      return TANTALUS_BOOLEAN;
    case Member::Kind::integer:
      return TANTALUS_INTEGER;
    case Member::Kind::text:
      return TANTALUS_TEXT;
  }
  return TANTALUS_NIL;
}

const char* tantalus_reply_text(const tantalus_reply* reply, size_t row, const char* name) {
  const Member* const member = member_of(reply, row, name);
  return member != nullptr && member->kind == Member::Kind::text ? member->text.c_str() : nullptr;
}

int64_t tantalus_reply_integer(const tantalus_reply* reply, size_t row, const char* name) {
  const Member* const member = member_of(reply, row, name);
  if (member == nullptr) {
    return 0;
  }
  return member->kind == Member::Kind::boolean ? static_cast<int64_t>(member->boolean) : member->integer;
}
