// SPDX-License-Identifier: Apache-2.0
#include "protocol/response.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/item.h"
#include "protocol/limits.h"

namespace tantalus::response {
namespace {

using wire::Cursor;
using wire::Item;
using wire::ItemReader;

std::unexpected<Error> not_understood(const char* what) {
  return fail(Code::internal, std::string("the agent's answer is not of this protocol: ") + what);
}

std::int64_t signed_of(const Item& item) noexcept {
  if (item.is_negative) {
    return static_cast<std::int64_t>(item.number);
  }
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(item.number, most));
}

/// Reads members into places of their type. A nil leaves the place as it is; another type makes the answer a bad one.
class Fields {
 public:
  explicit Fields(Cursor& cursor) noexcept : cursor_(cursor) {}

  /// Calls `set(name)` for each member; where it answers false, the member is unknown and passed over.
  template <class Set>
  void each(Set set) {
    const Item& map = cursor_.next();
    good_ = good_ && map.is(Item::Kind::map);
    const std::uint64_t pairs = good_ ? map.number : 0;
    for (std::uint64_t i = 0; i < pairs && is_good(); ++i) {
      const Item& name = cursor_.next();
      if (!name.is(Item::Kind::str)) {
        good_ = false;
        return;
      }
      if (!set(name.text)) {
        cursor_.skip();
      }
    }
  }

  /// The elements of an array, at most as many as there are bytes for them.
  template <class Read>
  void elements(Read read) {
    const Item& array = cursor_.next();
    good_ = good_ && array.is(Item::Kind::array);
    const std::uint64_t count = good_ ? array.number : 0;
    for (std::uint64_t i = 0; i < count && is_good(); ++i) {
      read();
    }
  }

  bool text(std::string_view& out) {
    return take(Item::Kind::str, [&](const Item& item) { out = item.text; });
  }
  bool text(std::optional<std::string_view>& out) {
    return take(Item::Kind::str, [&](const Item& item) { out = item.text; });
  }
  bool integer(std::int64_t& out) {
    return take(Item::Kind::integer, [&](const Item& item) { out = signed_of(item); });
  }
  bool integer(std::optional<std::int64_t>& out) {
    return take(Item::Kind::integer, [&](const Item& item) { out = signed_of(item); });
  }
  bool boolean(bool& out) {
    return take(Item::Kind::boolean, [&](const Item& item) { out = item.number != 0; });
  }
  bool bytes(std::span<const std::byte>& out) {
    return take(Item::Kind::bin, [&](const Item& item) { out = std::as_bytes(std::span(item.text)); });
  }

  bool error(ErrorView& out) {
    each([&](std::string_view name) {
      return (name == "code" && text(out.code)) || (name == "message" && text(out.message)) ||
             (name == "retry_after" && integer(out.retry_after));
    });
    return true;
  }

  bool secret(SecretView& out) {
    bool has_value = false;
    each([&](std::string_view name) {
      if (name == "value") {
        has_value = true;
        return bytes(out.value);
      }
      return (name == "key" && text(out.key)) || (name == "source" && text(out.source)) ||
             (name == "scope" && text(out.scope)) || (name == "id" && text(out.id)) ||
             (name == "version" && text(out.version)) || (name == "updated_at" && integer(out.updated_at)) ||
             (name == "age" && integer(out.age)) || (name == "ttl" && integer(out.ttl)) ||
             (name == "cached" && boolean(out.cached)) || (name == "stale" && boolean(out.stale));
    });
    good_ = good_ && has_value;
    return true;
  }

  void spoil() noexcept { good_ = false; }
  [[nodiscard]] bool is_good() const noexcept { return good_ && !cursor_.is_broken(); }

 private:
  template <class Store>
  bool take(Item::Kind kind, Store store) {
    const Item& item = cursor_.next();
    if (item.is(kind)) {
      store(item);
    } else if (!item.is(Item::Kind::nil)) {
      good_ = false;
    }
    return true;
  }

  Cursor& cursor_;
  bool good_ = true;
};

/// Reads one whole result into a T by `read(fields, T&)`.
template <class T, class Read>
Result<T> read_whole(std::span<const std::byte> result, const char* what, Read read) {
  ItemReader items;
  Cursor cursor(items, result);
  Fields fields(cursor);
  T out{};
  read(fields, out);
  if (!fields.is_good() || !cursor.is_at_end()) {
    return not_understood(what);
  }
  return out;
}

void read_subscription(Fields& fields, SubscriptionItem& out) {
  fields.each([&](std::string_view name) {
    if (name == "error") {
      return fields.error(out.error.emplace());
    }
    return (name == "key" && fields.text(out.key)) || (name == "source" && fields.text(out.source)) ||
           (name == "scope" && fields.text(out.scope)) || (name == "id" && fields.text(out.id)) ||
           (name == "version" && fields.text(out.version));
  });
}

void read_catalog_item(Fields& fields, CatalogItem& out) {
  fields.each([&](std::string_view name) {
    if (name == "error") {
      return fields.error(out.error.emplace());
    }
    return (name == "key" && fields.text(out.key)) || (name == "source" && fields.text(out.source)) ||
           (name == "scope" && fields.text(out.scope)) || (name == "id" && fields.text(out.id)) ||
           (name == "version" && fields.text(out.version)) || (name == "updated_by" && fields.text(out.updated_by)) ||
           (name == "updated_at" && fields.integer(out.updated_at));
  });
}

class MemberReader {
 public:
  explicit MemberReader(Cursor& cursor) noexcept : cursor_(cursor) {}

  /// The pairs of one map; `depth` is bounded, as each level calls itself.
  bool read(std::uint64_t pairs, const std::string& prefix, std::size_t depth) {
    for (; pairs > 0; --pairs) {
      const Item& key = cursor_.next();
      if (!key.is(Item::Kind::str)) {
        return false;
      }
      std::string name = prefix + std::string(key.text);
      const std::size_t begin = cursor_.at();
      const Item& item = cursor_.next();
      if (item.is(Item::Kind::map)) {
        if (depth == limits::max_depth || !read(item.number, name + ".", depth + 1)) {
          return false;
        }
        continue;
      }
      if (!add(std::move(name), item)) {
        cursor_.go_back_to(begin);
        cursor_.skip();
      }
      if (cursor_.is_broken()) {
        return false;
      }
    }
    return true;
  }

  std::vector<Member> members;

 private:
  /// Scalars of the protocol; what is of another kind is unknown to this client.
  bool add(std::string name, const Item& item) {
    Member member{.name = std::move(name), .text = {}};
    switch (item.kind) {
      case Item::Kind::nil:
        break;
      case Item::Kind::boolean:
        member.kind = Member::Kind::boolean;
        member.boolean = item.number != 0;
        member.text = member.boolean ? "true" : "false";
        break;
      case Item::Kind::integer:
        member.kind = Member::Kind::integer;
        member.integer = signed_of(item);
        member.text = std::to_string(member.integer);
        break;
      case Item::Kind::str:
        member.kind = Member::Kind::text;
        member.text = item.text;
        break;
      default:
        return false;
    }
    members.push_back(std::move(member));
    return true;
  }

  Cursor& cursor_;
};

}  // namespace

Result<Head> read(std::span<const std::byte> frame) {
  Result<Head> head = read_head(frame);
  if (!head || head->is_notification) {
    return head;
  }
  ItemReader items;
  Cursor cursor(items, head->result);
  cursor.skip();
  if (cursor.is_broken() || !cursor.is_at_end()) {
    return not_understood("not one whole message");
  }
  return head;
}

Result<Head> read_head(std::span<const std::byte> bytes) {
  ItemReader items;
  Cursor cursor(items, bytes);
  Fields fields(cursor);
  Head head;
  const Item& array = cursor.next();
  const std::uint64_t count = array.is(Item::Kind::array) ? array.number : 0;
  head.is_notification = count == 3;
  const auto type = cursor.next().as_unsigned();
  if ((count != 3 && count != 4) || type != (head.is_notification ? 2U : 1U)) {
    return not_understood("neither a response nor a notification");
  }
  if (head.is_notification) {
    const Item method = cursor.next();
    const Item params = cursor.next();
    if (!method.is(Item::Kind::str) || !params.is(Item::Kind::array)) {
      return not_understood("a notification is a method and an array");
    }
    head.method = method.text;
    for (std::uint64_t i = 0; i < params.number && !cursor.is_broken(); ++i) {
      const std::size_t begin = cursor.at();
      cursor.skip();
      if (i == 0) {
        head.result = cursor.since(begin);
      }
    }
    if (!fields.is_good() || !cursor.is_at_end()) {
      return not_understood("not one whole message");
    }
    return head;
  }
  const auto msgid = cursor.next().as_unsigned();
  if (!msgid || *msgid > std::numeric_limits<std::uint32_t>::max()) {
    return not_understood("the msgid is no uint32");
  }
  head.msgid = static_cast<std::uint32_t>(*msgid);
  const std::size_t error_at = cursor.at();
  if (!cursor.next().is(Item::Kind::nil)) {
    cursor.go_back_to(error_at);
    fields.error(head.error.emplace());
  }
  if (!fields.is_good()) {
    return not_understood("not one whole message");
  }
  head.result = bytes.subspan(cursor.at());
  return head;
}

Result<SecretView> read_secret(std::span<const std::byte> result) {
  return read_whole<SecretView>(result, "a secret", [](Fields& fields, SecretView& out) { fields.secret(out); });
}

Result<std::vector<BatchItem>> read_batch(std::span<const std::byte> result) {
  return read_whole<std::vector<BatchItem>>(result, "a batch", [](Fields& fields, std::vector<BatchItem>& out) {
    fields.elements([&] {
      BatchItem& item = out.emplace_back();
      fields.each([&](std::string_view name) {
        return (name == "secret" && fields.secret(item.secret.emplace())) ||
               (name == "error" && fields.error(item.error.emplace()));
      });
      if (item.secret.has_value() == item.error.has_value()) {
        fields.spoil();
      }
    });
  });
}

Result<std::vector<SubscriptionItem>> read_subscriptions(std::span<const std::byte> result) {
  return read_whole<std::vector<SubscriptionItem>>(
      result, "subscriptions", [](Fields& fields, std::vector<SubscriptionItem>& out) {
        fields.elements([&] { read_subscription(fields, out.emplace_back()); });
      });
}

Result<SubscriptionItem> read_change(std::span<const std::byte> result) {
  return read_whole<SubscriptionItem>(result, "a change", read_subscription);
}

Result<std::vector<CatalogItem>> read_catalog(std::span<const std::byte> result) {
  return read_whole<std::vector<CatalogItem>>(result, "a catalog", [](Fields& fields, std::vector<CatalogItem>& out) {
    fields.elements([&] { read_catalog_item(fields, out.emplace_back()); });
  });
}

Result<std::vector<Member>> read_members(std::span<const std::byte> result) {
  ItemReader items;
  Cursor cursor(items, result);
  MemberReader reader(cursor);
  const Item& map = cursor.next();
  if (!map.is(Item::Kind::map) || !reader.read(map.number, "", 1) || !cursor.is_at_end()) {
    return not_understood("a map");
  }
  return std::move(reader.members);
}

Result<std::string_view> read_text(std::span<const std::byte> result) {
  ItemReader items;
  Cursor cursor(items, result);
  const Item item = cursor.next();
  if (!item.is(Item::Kind::str) || !cursor.is_at_end()) {
    return not_understood("a str");
  }
  return item.text;
}

}  // namespace tantalus::response
