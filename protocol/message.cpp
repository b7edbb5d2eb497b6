// SPDX-License-Identifier: Apache-2.0
#include "protocol/message.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "protocol/item.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"

namespace tantalus {
namespace {

using wire::Cursor;
using wire::Item;

enum class Name : std::uint8_t { key, source, scope, id, field, version, max_age, refs, client, protocol, token };
constexpr std::array<std::string_view, 11> names{"key",     "source", "scope",  "id",       "field", "version",
                                                 "max_age", "refs",   "client", "protocol", "token"};

constexpr unsigned bit(Name name) noexcept {
  return 1U << static_cast<unsigned>(name);
}
constexpr unsigned reference_names =
    bit(Name::key) | bit(Name::source) | bit(Name::scope) | bit(Name::id) | bit(Name::field) | bit(Name::version);

/// Each method with the arguments that it takes and those it can't do without (docs/protocol.md, "Methods").
struct Signature {
  Method method;
  std::string_view name;
  unsigned takes;
  unsigned needs;
};
constexpr std::array signatures{
    Signature{Method::hello, "hello", bit(Name::client) | bit(Name::protocol) | bit(Name::token), 0},
    Signature{Method::resolve, "resolve", reference_names | bit(Name::max_age), bit(Name::key)},
    Signature{Method::resolve_many, "resolve_many", bit(Name::refs) | bit(Name::max_age), bit(Name::refs)},
    Signature{Method::explain, "explain", reference_names, bit(Name::key)},
    Signature{Method::list, "list", bit(Name::scope) | bit(Name::source), 0},
    Signature{Method::whoami, "whoami", 0, 0},
    Signature{Method::subscribe, "subscribe", bit(Name::refs), bit(Name::refs)},
    Signature{Method::ping, "ping", 0, 0},
};

const Signature* find_method(std::string_view text) noexcept {
  for (const Signature& signature : signatures) {
    if (signature.name == text) {
      return &signature;
    }
  }
  return nullptr;
}

std::optional<Name> find_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) {
      return static_cast<Name>(i);
    }
  }
  return std::nullopt;
}

std::unexpected<Error> refuse(std::string message) {
  return fail(Code::invalid_request, std::move(message));
}

std::unexpected<Error> refuse(Name name, std::string_view why) {
  std::string message = "`";
  message += names[static_cast<std::size_t>(name)];
  message += "` ";
  message += why;
  return refuse(std::move(message));
}

Result<std::string_view> text_of(Name name, const Item& item, std::size_t most) {
  if (!item.is(Item::Kind::str)) {
    return refuse(name, "must be a str");
  }
  if (item.text.size() > most) {
    return refuse(name, "is longer than " + std::to_string(most) + " bytes");
  }
  if (!is_utf8(item.text)) {
    return refuse(name, "is not UTF-8");
  }
  return item.text;
}

Result<void> set_text(std::string_view& out, Name name, const Item& item, std::size_t most) {
  auto text = text_of(name, item, most);
  if (!text) {
    return std::unexpected(std::move(text.error()));
  }
  // An empty one would read as not given, and so name another secret than its author meant.
  if (text->empty()) {
    return refuse(name, "is empty");
  }
  out = *text;
  return {};
}

Result<Source> source_of(const Item& item) {
  const auto source = item.is(Item::Kind::str) ? source_from_text(item.text) : std::nullopt;
  if (!source) {
    return refuse(Name::source, "must be kubernetes, vault or file");
  }
  return *source;
}

Result<Scope> scope_of(const Item& item) {
  const auto scope = item.is(Item::Kind::str) ? scope_from_text(item.text) : std::nullopt;
  if (!scope) {
    return refuse(Name::scope, "must be domain, global or admin");
  }
  return *scope;
}

/// Keeps a result's value or hands its error on.
template <class T, class Out>
Result<void> keep(Result<T> result, Out& out) {
  if (!result) {
    return std::unexpected(std::move(result.error()));
  }
  out = *result;
  return {};
}

Result<void> set_field(Reference& out, Name name, const Item& item) {
  switch (name) {
    case Name::key:
      return set_text(out.key, name, item, limits::max_key);
    case Name::source:
      return keep(source_of(item), out.source);
    case Name::scope:
      return keep(scope_of(item), out.scope);
    case Name::id:
      return set_text(out.id, name, item, limits::max_id);
    case Name::field:
      return set_text(out.field, name, item, limits::max_field);
    default: {
      const auto version = item.as_unsigned();
      if (!version || *version > std::numeric_limits<std::uint32_t>::max()) {
        return refuse(name, "must be an integer from 0 to 4294967295");
      }
      out.version = static_cast<std::uint32_t>(*version);
      return {};
    }
  }
}

}  // namespace

std::string_view to_text(Method method) noexcept {
  return signatures[static_cast<std::size_t>(method)].name;
}

class MessageReader::State {
 public:
  explicit State(std::uint32_t max_batch) : max_batch_(max_batch) {}

  void set_max_batch(std::uint32_t max_batch) noexcept { max_batch_ = max_batch; }
  [[nodiscard]] const Call& call() const noexcept { return call_; }
  [[nodiscard]] std::uint32_t msgid() const noexcept { return call_.msgid; }
  [[nodiscard]] const Error& error() const noexcept { return error_; }

  Kind read(std::span<const std::byte> frame) {
    forget_last_call();
    Cursor cursor(reader_, frame);
    const MessageReader::Kind kind = message(cursor);
    if (cursor.is_broken() || (kind != Kind::bad_request && !cursor.is_at_end())) {
      return bad_frame("not one whole message");
    }
    return kind;
  }

 private:
  using Kind = MessageReader::Kind;

  void forget_last_call() noexcept {
    std::vector<BatchItem> kept = std::move(call_.references);
    kept.clear();
    call_ = Call{};
    call_.references = std::move(kept);
  }

  Kind bad_frame(std::string_view what) {
    call_.msgid = 0;
    error_ = Error{Code::invalid_request, "not this protocol: " + std::string(what), Millis{0}};
    return Kind::bad_frame;
  }

  /// What a FrameCutter lets pass never ends as a bad frame here; these are the same rules, for whoever has no cutter.
  Kind message(Cursor& cursor) {
    const Item head = cursor.next();
    if (!head.is(Item::Kind::array) || (head.number != 3 && head.number != 4)) {
      return bad_frame("no array of 4 elements or 3");
    }
    const bool is_notification = head.number == 3;
    const auto type = cursor.next().as_unsigned();
    if (type != (is_notification ? 2U : 0U)) {
      return bad_frame("neither a request nor a notification");
    }
    if (!is_notification) {
      const auto msgid = cursor.next().as_unsigned();
      if (!msgid || *msgid > std::numeric_limits<std::uint32_t>::max()) {
        return bad_frame("the msgid is no uint32");
      }
      call_.msgid = static_cast<std::uint32_t>(*msgid);
    }
    const Item method = cursor.next();
    if (!method.is(Item::Kind::str)) {
      return bad_frame("the method is no str");
    }
    const std::size_t params_at = cursor.at();
    const Item params = cursor.next();
    if (!params.is(Item::Kind::array)) {
      return bad_frame("params is no array");
    }
    if (is_notification) {
      cursor.go_back_to(params_at);
      cursor.skip();
      return Kind::notification;
    }
    if (auto done = request(cursor, method.text, params.number); !done) {
      error_ = std::move(done.error());
      return Kind::bad_request;
    }
    return Kind::call;
  }

  Result<void> request(Cursor& cursor, std::string_view method, std::uint64_t params) {
    const Signature* signature = find_method(method);
    if (signature == nullptr) {
      return refuse("unknown method " + quoted(method));
    }
    call_.method = signature->method;
    if (params > 1) {
      return refuse("params may hold one map, not " + std::to_string(params) + " elements");
    }
    std::uint64_t pairs = 0;
    if (params == 1) {
      const Item& map = cursor.next();
      if (!map.is(Item::Kind::map)) {
        return refuse("params may hold a map and nothing else: arguments have names");
      }
      pairs = map.number;
    }
    return arguments(cursor, pairs, signature->takes, signature->needs,
                     [&](Name name, const Item& item) { return set_argument(cursor, name, item); });
  }

  /// The pairs of one map. `set(name, item)` takes a value's item, and reads what belongs to it.
  template <class Set>
  Result<void> arguments(Cursor& cursor, std::uint64_t pairs, unsigned takes, unsigned needs, Set set) {
    unsigned seen = 0;
    for (; pairs > 0; --pairs) {
      const Item& key = cursor.next();
      if (!key.is(Item::Kind::str)) {
        return refuse("the names of arguments are str");
      }
      const auto name = find_name(key.text);
      if (!name || (takes & bit(*name)) == 0) {
        return refuse("unknown argument " + quoted(key.text));
      }
      if ((seen & bit(*name)) != 0) {
        return refuse("the argument " + quoted(key.text) + " stands twice");
      }
      seen |= bit(*name);
      if (auto done = set(*name, cursor.next()); !done) {
        return done;
      }
    }
    if ((needs & ~seen) != 0) {
      return refuse((needs & bit(Name::key)) != 0 ? Name::key : Name::refs, "is missing");
    }
    return {};
  }

  Result<void> set_argument(Cursor& cursor, Name name, const Item& item) {
    switch (name) {
      case Name::max_age: {
        const auto age = item.as_unsigned();
        if (!age) {
          return refuse(name, "must be an integer of milliseconds, 0 or more");
        }
        call_.max_age = Millis(std::min(*age, limits::longest_max_age_ms));
        return {};
      }
      case Name::refs:
        return references(cursor, item);
      case Name::client:
        return keep(text_of(name, item, limits::max_client_name), call_.client);
      case Name::protocol: {
        const auto version = item.as_unsigned();
        if (!version || *version == 0) {
          return refuse(name, "must be an integer, 1 or more");
        }
        call_.protocol =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(*version, std::numeric_limits<std::uint32_t>::max()));
        return {};
      }
      case Name::token:
        return keep(text_of(name, item, limits::max_token), call_.token);
      default:
        break;
    }
    if (call_.method != Method::list) {
      return set_field(call_.reference, name, item);
    }
    return name == Name::source ? keep(source_of(item), call_.source) : keep(scope_of(item), call_.scope);
  }

  Result<void> references(Cursor& cursor, const Item& array) {
    if (!array.is(Item::Kind::array)) {
      return refuse(Name::refs, "must be an array of references");
    }
    const std::uint64_t count = array.number;
    if (count > max_batch_) {
      return fail(Code::too_large,
                  "`refs` holds " + std::to_string(count) + " references, more than " + std::to_string(max_batch_));
    }
    for (std::uint64_t i = 0; i < count && !cursor.is_broken(); ++i) {
      BatchItem& one = call_.references.emplace_back();
      const std::size_t begin = cursor.at();
      if (auto done = reference(cursor, one.reference); !done) {
        one.error = std::move(done.error());
        // It fails alone: the next begins after all that belongs to it.
        cursor.go_back_to(begin);
        cursor.skip();
      }
    }
    return {};
  }

  Result<void> reference(Cursor& cursor, Reference& out) {
    const Item& map = cursor.next();
    if (!map.is(Item::Kind::map)) {
      return refuse("a reference must be a map");
    }
    return arguments(cursor, map.number, reference_names, bit(Name::key),
                     [&](Name name, const Item& item) { return set_field(out, name, item); });
  }

  wire::ItemReader reader_;
  std::uint32_t max_batch_;
  Call call_;
  Error error_;
};

MessageReader::MessageReader(std::uint32_t max_batch) : state_(std::make_unique<State>(max_batch)) {}
MessageReader::~MessageReader() = default;

void MessageReader::set_max_batch(std::uint32_t max_batch) noexcept {
  state_->set_max_batch(max_batch);
}
MessageReader::Kind MessageReader::read(std::span<const std::byte> frame) {
  return state_->read(frame);
}
const Call& MessageReader::call() const noexcept {
  return state_->call();
}
std::uint32_t MessageReader::msgid() const noexcept {
  return state_->msgid();
}
const Error& MessageReader::error() const noexcept {
  return state_->error();
}

}  // namespace tantalus
