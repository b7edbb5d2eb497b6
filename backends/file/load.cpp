// SPDX-License-Identifier: Apache-2.0
#include "backends/file/load.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "backends/codec/json.h"
#include "backends/codec/yaml_events.h"
#include "backends/file/content.h"
#include "cache/wipe.h"

namespace tantalus {
namespace {

constexpr std::size_t max_depth = 64;
// More than what libfyaml's calls leave below us.
constexpr std::size_t stack_of_parsers = std::size_t{32} << 10U;

std::string in_words(const Problem& problem) {
  if (problem.at.line == 0) {
    return problem.what;
  }
  return std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column) + ": " + problem.what;
}

/// One slice of a parse. True: the stream has ended.
template <class Stream>
Parsed<bool> parse_some(Stream& stream, ManifestReader& reader, Slice slice) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < slice.events && bytes < slice.bytes; ++i) {
    const Parsed<ParseEvent> event = stream.next();
    if (!event) {
      return std::unexpected(event.error());
    }
    if (event->kind == ParseEvent::Kind::stream_end) {
      return true;
    }
    bytes += event->text.size();
    if (std::optional<Problem> problem = reader.on(*event)) {
      return std::unexpected(std::move(*problem));
    }
  }
  return false;
}

/// What is parsed how, and by whom.
struct Parse {
  Io& io;
  Arena& arena;
  const std::string& store;
  Slice slice;
  Cancel& cancel;
};

template <class Stream>
Task<Parsed<Manifests>> parse_all(Parse how, Stream& stream) {
  ManifestReader reader(how.arena, how.store, {});
  while (true) {
    Parsed<bool> ended = parse_some(stream, reader, how.slice);
    wipe_stack_below(stack_of_parsers);
    if (!ended) {
      co_return std::unexpected(std::move(ended.error()));
    }
    if (*ended) {
      co_return std::move(reader).take();
    }
    if (how.cancel.is_cancelled()) {
      co_return refuse({}, "it was not read to its end");
    }
    co_await how.io.sleep_until(how.io.now() + BootClock::duration{1}, how.cancel);
  }
}

Task<Parsed<Manifests>> parse_json(Parse how, std::span<char> text_and_padding) {
  json::EventStream stream(text_and_padding, max_depth);
  Parsed<Manifests> parsed = co_await parse_all(how, stream);
  co_return std::move(parsed);
}

Task<Parsed<Manifests>> parse_yaml(Parse how, std::string_view text) {
  yaml::EventStream stream(text, max_depth, &how.arena);
  Parsed<Manifests> parsed = co_await parse_all(how, stream);
  co_return std::move(parsed);
}

/// JSON is parsed in place, so that what may be YAML after all is kept.
Parsed<SecretWriter> copy_of(Arena& arena, std::span<const char> text_and_padding) {
  Result<SecretWriter> copy = SecretWriter::make(arena, text_and_padding.size());
  if (!copy) {
    return std::unexpected(Problem{{}, "no room in locked memory (cache.memory) to parse it", true});
  }
  std::memcpy(copy->room().data(), text_and_padding.data(), text_and_padding.size());
  return std::move(*copy);
}

bool may_be_json(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

Task<Parsed<Manifests>> parse(Parse how, std::string_view name, std::span<char> text_and_padding) {
  const std::string_view text{text_and_padding.data(), text_and_padding.size() - json::padding};
  if (!may_be_json(text)) {
    Parsed<Manifests> parsed = co_await parse_yaml(how, text);
    co_return std::move(parsed);
  }
  if (name.ends_with(".json")) {
    Parsed<Manifests> parsed = co_await parse_json(how, text_and_padding);
    co_return std::move(parsed);
  }
  Parsed<SecretWriter> copy = copy_of(how.arena, text_and_padding);
  if (!copy) {
    co_return std::unexpected(std::move(copy.error()));
  }
  const std::span<std::byte> room = copy->room().first(text_and_padding.size());
  const std::span<char> in_place{static_cast<char*>(static_cast<void*>(room.data())), room.size()};
  Parsed<Manifests> as_json = co_await parse_json(how, in_place);
  if (as_json || as_json.error().no_room) {
    co_return std::move(as_json);
  }
  Parsed<Manifests> parsed = co_await parse_yaml(how, text);
  co_return std::move(parsed);
}

}  // namespace

Task<LoadedFile> load_manifests(Io& io, Arena& arena, std::string path, std::string store, Slice slice,
                                Cancel& cancel) {
  LoadedFile loaded;
  Parsed<FileContent> content = FileContent::open(arena, path);
  if (!content) {
    loaded.stamp = stamp_of(path);
    loaded.refusal = in_words(content.error());
    loaded.no_room = content.error().no_room;
    co_return loaded;
  }
  loaded.stamp = content->stamp();
  while (true) {
    const Parsed<bool> ended = content->read(slice.bytes);
    if (!ended) {
      loaded.refusal = in_words(ended.error());
      co_return loaded;
    }
    if (*ended) {
      break;
    }
    co_await io.sleep_until(io.now() + BootClock::duration{1}, cancel);
    if (cancel.is_cancelled()) {
      loaded.unsettled = true;
      co_return loaded;
    }
  }
  if (content->changed()) {
    loaded.unsettled = true;
    co_return loaded;
  }
  const Parse how{io, arena, store, slice, cancel};
  Parsed<Manifests> parsed = co_await parse(how, path, content->text_and_padding());
  if (parsed) {
    loaded.manifests.emplace(std::move(*parsed));
  } else {
    loaded.unsettled = cancel.is_cancelled();
    loaded.refusal = in_words(parsed.error());
    loaded.no_room = parsed.error().no_room;
  }
  co_return loaded;
}

}  // namespace tantalus
