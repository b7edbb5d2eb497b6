// SPDX-License-Identifier: Apache-2.0
#include <sys/random.h>

#include <cstring>
#include <unordered_set>

#include "backends/codec/json.h"
#include "cache/keyed_hash.h"

namespace tantalus::json {
namespace {

constexpr std::size_t max_depth = 64;

std::unexpected<Error> not_an_object() {
  return fail(Code::invalid_request, "`field`: the value is no JSON object");
}

/// A part of a value, in a block of its own.
Result<Secret> cut(Arena& arena, std::span<const std::byte> bytes) {
  Result<SecretWriter> writer = SecretWriter::make(arena, bytes.size());
  if (!writer) {
    return std::unexpected(writer.error());
  }
  if (Result<void> written = writer->append(bytes); !written) {
    return std::unexpected(written.error());
  }
  return std::move(*writer).freeze();
}

/// Names of members as hashes: a set of the names themselves would hold parts of a value on the heap.
class Names {
 public:
  Names() {
    check(getrandom(&key_, sizeof key_, 0) == static_cast<ssize_t>(sizeof key_), "getrandom(2) failed");
    key_.step |= 1U;
  }
  bool insert(std::string_view name) {
    KeyedHash hash(key_, 0);
    hash.add(name);
    return seen_.insert(hash.value()).second;
  }

 private:
  KeyedHash::Key key_{};
  std::unordered_set<std::uint64_t> seen_;
};

/// Reads on to the end of the value whose first event was `event`. False: not valid.
bool skip_rest(EventStream& stream, const ParseEvent& event) {
  std::size_t depth = 0;
  ParseEvent::Kind kind = event.kind;
  while (true) {
    if (kind == ParseEvent::Kind::mapping_start || kind == ParseEvent::Kind::sequence_start) {
      ++depth;
    } else if (kind == ParseEvent::Kind::mapping_end || kind == ParseEvent::Kind::sequence_end) {
      --depth;
    }
    if (depth == 0) {
      return true;
    }
    const Parsed<ParseEvent> next = stream.next();
    if (!next) {
      return false;
    }
    kind = next->kind;
  }
}

}  // namespace

Result<Secret> json_member(Arena& arena, const Secret& json, std::string_view field) {
  const std::span<const std::byte> whole = json.expose();
  Result<SecretWriter> copy = SecretWriter::make(arena, whole.size() + padding);
  if (!copy) {
    return std::unexpected(copy.error());
  }
  // Parsing decodes strings in place, and the value itself may be shared: a copy, zeroed behind its end.
  const std::span<std::byte> room = copy->room();
  if (!whole.empty()) {
    std::memcpy(room.data(), whole.data(), whole.size());
  }
  std::memset(room.data() + whole.size(), 0, padding);
  EventStream stream({static_cast<char*>(static_cast<void*>(room.data())), whole.size() + padding}, max_depth);

  using Kind = ParseEvent::Kind;
  Parsed<ParseEvent> event = stream.next();
  if (event) {
    event = stream.next();
  }
  if (!event || event->kind != Kind::mapping_start) {
    return not_an_object();
  }
  Names names;
  std::optional<Result<Secret>> found;
  while (true) {
    event = stream.next();
    if (!event) {
      return not_an_object();
    }
    if (event->kind == Kind::mapping_end) {
      break;
    }
    if (!names.insert(event->text)) {
      return fail(Code::invalid_request, "`field`: a member of the value stands twice in it");
    }
    const bool wanted = event->text == field;
    event = stream.next();
    if (!event) {
      return not_an_object();
    }
    const ParseEvent first = *event;
    const std::size_t begin = stream.event_begin();
    if (!skip_rest(stream, first)) {
      return not_an_object();
    }
    if (wanted) {
      const bool text = first.kind == Kind::scalar && !first.plain;
      found.emplace(
          cut(arena, text ? std::as_bytes(std::span(first.text)) : whole.subspan(begin, stream.offset() - begin)));
    }
  }
  event = stream.next();
  if (event) {
    event = stream.next();
  }
  if (!event || event->kind != Kind::stream_end) {
    return not_an_object();
  }
  if (!found) {
    return fail(Code::not_found, "the secret has no such member");
  }
  return std::move(*found);
}

}  // namespace tantalus::json
