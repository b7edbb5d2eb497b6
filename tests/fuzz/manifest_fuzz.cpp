// SPDX-License-Identifier: Apache-2.0
// A file of Secret manifests, as JSON (the first byte is a 'j') or YAML. It is refused at a place, or its objects and
// keys have the names that the store allows, each once; with a smaller arena it may be refused for want of room, and is
// never anything else.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backends/codec/json.h"
#include "backends/codec/yaml_events.h"
#include "backends/file/manifest.h"
#include "protocol/error.h"

namespace {

using namespace tantalus;

std::unique_ptr<Arena> make_arena(std::size_t bytes) {
  Result<std::unique_ptr<Arena>> made = Arena::make({.bytes = bytes});
  check(made.has_value(), "no locked memory");
  return std::move(*made);
}

template <class Stream>
Parsed<Manifests> parse(Stream& stream, Arena& arena) {
  ManifestReader reader(arena, "s", {.objects = 64, .values = 1024});
  while (true) {
    const Parsed<ParseEvent> event = stream.next();
    if (!event) {
      return std::unexpected(event.error());
    }
    if (event->kind == ParseEvent::Kind::stream_end) {
      return std::move(reader).take();
    }
    if (std::optional<Problem> problem = reader.on(*event)) {
      return std::unexpected(*problem);
    }
  }
}

Parsed<Manifests> parse(bool as_json, std::string_view text, Arena& arena) {
  if (as_json) {
    std::vector<char> room(text.begin(), text.end());
    room.resize(text.size() + json::padding);
    json::EventStream stream(room, 64);
    return parse(stream, arena);
  }
  yaml::EventStream stream(text, 64, &arena);
  return parse(stream, arena);
}

bool is_word(std::string_view text, bool of_object) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           (!of_object && ((c >= 'A' && c <= 'Z') || c == '_'));
  });
}

bool is_same(const Secret& a, const Secret& b) {
  return std::ranges::equal(a.expose(), b.expose());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<Arena> roomy = make_arena(std::size_t{4} << 20U);
  static const std::unique_ptr<Arena> narrow = make_arena(std::size_t{8} << 10U);
  if (size == 0) {
    return 0;
  }
  const bool as_json = data[0] == 'j';
  const std::string text(data + 1, data + size);
  {
    const Parsed<Manifests> made = parse(as_json, text, *roomy);
    const Parsed<Manifests> less = parse(as_json, text, *narrow);
    check(made || (made.error().at.line != 0 && !made.error().what.empty()), "a refusal has a place and a reason");
    check(less.has_value() == made.has_value() || (!less && less.error().no_room), "room is all that is missing");
    if (made) {
      std::set<std::string_view> names;
      for (std::size_t i = 0; i < made->objects.size(); ++i) {
        const ManifestObject& object = made->objects[i];
        check(names.insert(object.name).second, "an object stands once");
        check(is_word(object.name, true), "the object's name is one");
        check(object.name == "s" || object.name.starts_with("s-"), "the object is of the store");
        for (const auto& [key, value] : object.values) {
          check(is_word(key, false), "the key is one");
          check(!less || is_same(value, less->objects[i].values.at(key)), "the same text, the same value");
        }
      }
      check(made->skipped.size() <= 16, "the log is bounded");
    }
  }
  check(roomy->usage().blocks == 0 && narrow->usage().blocks == 0, "locked memory is given back");
  return 0;
}
