// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml_events.h"

#include <libfyaml.h>

#include <expected>
#include <optional>
#include <string>

#include "backends/codec/yaml_scalar.h"
#include "backends/codec/yaml_screen.h"
#include "backends/codec/yaml_words.h"

namespace tantalus::yaml {
namespace {

void discard(fy_diag*, void*, const char*, std::size_t) noexcept {}

Position position_of(fy_token* token) noexcept {
  const fy_mark* mark = token == nullptr ? nullptr : fy_token_start_mark(token);
  if (mark == nullptr || mark->line < 0 || mark->column < 0) {
    return {};
  }
  return {static_cast<std::uint32_t>(mark->line) + 1, static_cast<std::uint32_t>(mark->column) + 1};
}

/// Unset: a tag that is refused.
std::optional<Tag> tag_of(std::string_view tag) noexcept {
  constexpr std::string_view core_prefix = "tag:yaml.org,2002:";
  if (tag == "!") {
    return Tag::str;  // Alone it says that a plain scalar is text.
  }
  if (!tag.starts_with(core_prefix)) {
    return std::nullopt;
  }
  tag.remove_prefix(core_prefix.size());
  if (tag == "str") {
    return Tag::str;
  }
  if (tag == "binary") {
    return Tag::binary;
  }
  for (const std::string_view core : {"map", "seq", "null", "bool", "int", "float"}) {
    if (tag == core) {
      return Tag::other_core;
    }
  }
  return std::nullopt;
}

}  // namespace

class EventStream::State {
 public:
  State(std::string_view text, std::size_t max_depth, Arena* arena)
      : max_depth_(max_depth), arena_(arena), memory_(arena), text_(text, arena, memory_) {
    early_ = screen(text);
    if (early_) {
      return;
    }
    is_open_ = memory_.run([&] { open(text); }) && is_open_;
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // When there was no room all of it is lost already.
    static_cast<void>(memory_.run([&] {
      release_event();
      fy_parser_destroy(parser_);
      fy_diag_destroy(diag_);
    }));
  }

  Parsed<Event> next() {
    if (early_) {
      return std::unexpected(*early_);
    }
    while (is_open_ && read_event()) {
      if (event_->type != FYET_STREAM_START && event_->type != FYET_NONE) {
        return translate();
      }
    }
    return ended();
  }

 private:
  void open(std::string_view text) noexcept {
    fy_diag_cfg quiet{};
    quiet.output_fn = discard;
    quiet.level = FYET_MAX;
    diag_ = fy_diag_create(&quiet);
    if (diag_ == nullptr) {
      return;
    }
    fy_diag_set_collect_errors(diag_, true);
    fy_parse_cfg config{};
    config.diag = diag_;
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_DISABLE_RECYCLING);
    parser_ = fy_parser_create(&config);
    // A null pointer is no text to libfyaml.
    is_open_ = parser_ != nullptr &&
               fy_parser_set_string(parser_, text.data() == nullptr ? "" : text.data(), text.size()) == 0;
  }

  /// False: something went wrong.
  bool read_event() {
    const bool had_room = memory_.run([&] {
      release_event();
      event_ = fy_parser_parse(parser_);
    });
    is_open_ = had_room;
    return had_room && event_ != nullptr;
  }

  void release_event() noexcept {
    if (event_ != nullptr) {
      fy_parser_event_free(parser_, event_);
      event_ = nullptr;
    }
  }

  Parsed<Event> ended() {
    void* previous = nullptr;
    if (const fy_diag_error* error = is_open_ ? fy_diag_errors_iterate(diag_, &previous) : nullptr) {
      Position at = last_;
      if (error->line > 0 && error->column > 0) {
        at = {static_cast<std::uint32_t>(error->line), static_cast<std::uint32_t>(error->column)};
      }
      return refuse(at, std::string(words_for(error->msg == nullptr ? "" : error->msg)));
    }
    return no_memory(last_);
  }

  /// On the heap there is always memory, so that there it is libfyaml that gave up.
  [[nodiscard]] std::unexpected<Problem> no_memory(Position at) {
    is_open_ = false;
    if (arena_ != nullptr) {
      return std::unexpected(Problem{at, "no room in locked memory (cache.memory) to parse it", true});
    }
    return refuse(at, "not valid YAML");
  }

  Parsed<Event> translate() {
    Event made;
    made.at = last_;
    switch (event_->type) {
      case FYET_STREAM_END:
        return made;
      case FYET_DOCUMENT_START:
        made.kind = Event::Kind::document_start;
        return at(made, event_->document_start.document_start);
      case FYET_DOCUMENT_END:
        made.kind = Event::Kind::document_end;
        return at(made, event_->document_end.document_end);
      case FYET_MAPPING_START:
        made.kind = Event::Kind::mapping_start;
        return opened(made, event_->mapping_start.mapping_start, event_->mapping_start.anchor,
                      event_->mapping_start.tag);
      case FYET_MAPPING_END:
        made.kind = Event::Kind::mapping_end;
        --depth_;
        return at(made, event_->mapping_end.mapping_end);
      case FYET_SEQUENCE_START:
        made.kind = Event::Kind::sequence_start;
        return opened(made, event_->sequence_start.sequence_start, event_->sequence_start.anchor,
                      event_->sequence_start.tag);
      case FYET_SEQUENCE_END:
        made.kind = Event::Kind::sequence_end;
        --depth_;
        return at(made, event_->sequence_end.sequence_end);
      case FYET_SCALAR:
        return scalar(made);
      case FYET_ALIAS:
        return refuse(position_or_last(event_->alias.anchor), "anchors and aliases are refused");
      case FYET_NONE:
      case FYET_STREAM_START:
        break;
    }
    return refuse(last_, "not valid YAML");
  }

  Parsed<Event> opened(Event& made, fy_token* token, fy_token* anchor, fy_token* tag) {
    if (++depth_ > max_depth_) {
      return refuse(position_or_last(token), "nested too deeply");
    }
    Parsed<Event> placed = at(made, token);
    return decorated(*placed, anchor, tag);
  }

  Parsed<Event> scalar(Event& made) {
    made.kind = Event::Kind::scalar;
    fy_token* token = event_->scalar.value;
    const std::expected<std::string_view, ScalarText::Failure> text = text_.read(token);
    if (!text) {
      const Position where = position_or_last(token);
      return text.error() == ScalarText::Failure::no_room
                 ? no_memory(where)
                 : refuse(where, "a text that can't be read: quotes, escapes or indentation are wrong");
    }
    made.text = *text;
    const fy_scalar_style style = token == nullptr ? FYSS_PLAIN : fy_token_scalar_style(token);
    made.plain = style == FYSS_PLAIN;
    if (token == nullptr && event_->scalar.tag != nullptr) {
      token = event_->scalar.tag;
    }
    Parsed<Event> placed = at(made, token);
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && placed->at.column > 1) {
      --placed->at.column;  // libfyaml's mark stands behind the quote.
    }
    return decorated(*placed, event_->scalar.anchor, event_->scalar.tag);
  }

  Parsed<Event> decorated(Event& made, fy_token* anchor, fy_token* tag) {
    if (anchor != nullptr) {
      return refuse(position_or_last(anchor), "anchors and aliases are refused");
    }
    if (tag == nullptr) {
      return made;
    }
    std::size_t size = 0;
    const char* text = nullptr;
    if (!memory_.run([&] { text = fy_token_get_text(tag, &size); })) {
      return no_memory(made.at);
    }
    const std::optional<Tag> known = tag_of({text == nullptr ? "" : text, size});
    if (!known) {
      return refuse(position_or_last(tag), "an unknown tag");
    }
    made.tag = *known;
    return made;
  }

  Parsed<Event> at(Event& made, fy_token* token) {
    last_ = position_or_last(token);
    made.at = last_;
    return made;
  }

  Position position_or_last(fy_token* token) const noexcept {
    const Position found = position_of(token);
    return found.line == 0 ? last_ : found;
  }

  std::size_t max_depth_;
  Arena* arena_;
  ExpendableMalloc memory_;
  ScalarText text_;
  std::optional<Problem> early_;
  fy_diag* diag_ = nullptr;
  fy_parser* parser_ = nullptr;
  fy_event* event_ = nullptr;
  bool is_open_ = false;
  std::size_t depth_ = 0;
  Position last_{1, 1};
};

EventStream::EventStream(std::string_view text, std::size_t max_depth, Arena* arena)
    : state_(std::make_unique<State>(text, max_depth, arena)) {}
EventStream::~EventStream() = default;

Parsed<Event> EventStream::next() {
  return state_->next();
}

bool is_null(std::string_view plain_text) noexcept {
  return plain_text.empty() || plain_text == "~" || plain_text == "null" || plain_text == "Null" ||
         plain_text == "NULL";
}

}  // namespace tantalus::yaml
