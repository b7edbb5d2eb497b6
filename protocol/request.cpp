// SPDX-License-Identifier: Apache-2.0
#include "protocol/request.h"

#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/writer.h"

namespace tantalus::request {
namespace {

using wire::Writer;

/// `[0, msgid, method, [` and what `arguments` pairs of a map begin with; none: params stays empty.
void begin(Writer& writer, std::uint32_t msgid, Method method, std::size_t arguments) {
  writer.array(4).uint(0).uint(msgid).str(to_text(method));
  if (arguments == 0) {
    writer.array(0);
  } else {
    writer.array(1).map(arguments);
  }
}

std::size_t count_fields(const Reference& reference) noexcept {
  return 1U + (reference.source ? 1U : 0U) + (reference.scope != Scope::domain ? 1U : 0U) +
         (reference.id.empty() ? 0U : 1U) + (reference.field.empty() ? 0U : 1U) + (reference.version == 0 ? 0U : 1U);
}

void write_fields(Writer& writer, const Reference& reference) {
  writer.pair("key", reference.key);
  if (reference.source) {
    writer.pair("source", to_text(*reference.source));
  }
  if (reference.scope != Scope::domain) {
    writer.pair("scope", to_text(reference.scope));
  }
  if (!reference.id.empty()) {
    writer.pair("id", reference.id);
  }
  if (!reference.field.empty()) {
    writer.pair("field", reference.field);
  }
  if (reference.version != 0) {
    writer.str("version").uint(reference.version);
  }
}

void write_max_age(Writer& writer, std::optional<Millis> max_age) {
  if (max_age) {
    writer.str("max_age").integer(max_age->count());
  }
}

void write_references(Writer& writer, std::span<const Reference> references) {
  writer.str("refs").array(references.size());
  for (const Reference& reference : references) {
    writer.map(count_fields(reference));
    write_fields(writer, reference);
  }
}

}  // namespace

void hello(ReplyBuffer& out, std::uint32_t msgid, std::string_view client, std::optional<std::string_view> token) {
  Writer writer(out);
  begin(writer, msgid, Method::hello, token ? 3 : 2);
  writer.pair("client", client).str("protocol").uint(limits::protocol_version);
  if (token) {
    writer.str("token").credential(*token);
  }
}

void resolve(ReplyBuffer& out, std::uint32_t msgid, const Reference& reference, std::optional<Millis> max_age) {
  Writer writer(out);
  begin(writer, msgid, Method::resolve, count_fields(reference) + (max_age ? 1 : 0));
  write_fields(writer, reference);
  write_max_age(writer, max_age);
}

void resolve_many(ReplyBuffer& out, std::uint32_t msgid, std::span<const Reference> references,
                  std::optional<Millis> max_age) {
  Writer writer(out);
  begin(writer, msgid, Method::resolve_many, max_age ? 2 : 1);
  write_references(writer, references);
  write_max_age(writer, max_age);
}

void explain(ReplyBuffer& out, std::uint32_t msgid, const Reference& reference) {
  Writer writer(out);
  begin(writer, msgid, Method::explain, count_fields(reference));
  write_fields(writer, reference);
}

void list(ReplyBuffer& out, std::uint32_t msgid, std::optional<Scope> scope, std::optional<Source> source) {
  Writer writer(out);
  begin(writer, msgid, Method::list, (scope ? 1U : 0U) + (source ? 1U : 0U));
  if (scope) {
    writer.pair("scope", to_text(*scope));
  }
  if (source) {
    writer.pair("source", to_text(*source));
  }
}

void whoami(ReplyBuffer& out, std::uint32_t msgid) {
  Writer writer(out);
  begin(writer, msgid, Method::whoami, 0);
}

void subscribe(ReplyBuffer& out, std::uint32_t msgid, std::span<const Reference> references) {
  Writer writer(out);
  begin(writer, msgid, Method::subscribe, 1);
  write_references(writer, references);
}

void ping(ReplyBuffer& out, std::uint32_t msgid) {
  Writer writer(out);
  begin(writer, msgid, Method::ping, 0);
}

}  // namespace tantalus::request
