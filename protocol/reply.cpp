// SPDX-License-Identifier: Apache-2.0
#include "protocol/reply.h"

#include "protocol/writer.h"

namespace tantalus::reply {
namespace {

using wire::Writer;

/// `[1, msgid, nil,` of an answer that is no error.
Writer& begin(Writer& writer, std::uint32_t msgid) {
  return writer.array(4).uint(1).uint(msgid).nil();
}

void write_time(Writer& writer, std::string_view name, std::optional<WallMillis> time) {
  writer.str(name);
  time ? writer.integer(time->time_since_epoch().count()) : writer.nil();
}

void write_place(Writer& writer, std::string_view key, Source source, Scope scope, std::string_view id) {
  writer.pair("key", key).pair("source", to_text(source)).pair("scope", to_text(scope));
  if (!id.empty()) {
    writer.pair("id", id);
  }
}

/// The value comes last, so that what precedes it is one run of bytes, and the caller sends the value itself.
void write_secret(Writer& writer, const SecretHead& head, std::size_t value_size) {
  writer.map(head.id.empty() ? 10 : 11);
  write_place(writer, head.key, head.source, head.scope, head.id);
  writer.pair("version", head.version);
  write_time(writer, "updated_at", head.updated_at);
  writer.str("age").integer(head.age.count());
  writer.str("ttl").integer(head.ttl.count());
  writer.str("cached").boolean(head.cached);
  writer.str("stale").boolean(head.stale);
  writer.str("value").bin_header(value_size);
}

void write_error(Writer& writer, const Error& error) {
  const bool says_when = error.retry_after > Millis{0};
  writer.map(says_when ? 3 : 2).pair("code", to_text(error.code)).pair("message", error.message);
  if (says_when) {
    writer.str("retry_after").integer(error.retry_after.count());
  }
}

void write_subscription(Writer& writer, const SecretHead& head, bool exists) {
  writer.map(head.id.empty() ? 4 : 5);
  write_place(writer, head.key, head.source, head.scope, head.id);
  writer.str("version");
  exists ? writer.str(head.version) : writer.nil();
}

void write_who(Writer& writer, const Who& who) {
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"pod", who.pod},         {"namespace", who.namespace_name}, {"service_account", who.service_account},
      {"pod_uid", who.pod_uid}, {"container", who.container},      {"unit", who.unit}};
  std::size_t pairs = 3U + (who.uid ? 1U : 0U) + (who.gid ? 1U : 0U) + (who.pid ? 1U : 0U);
  for (const auto& [name, text] : texts) {
    pairs += text.empty() ? 0 : 1;
  }
  writer.map(pairs).pair_or_nil("domain", who.domain).str("admin").boolean(who.admin);
  writer.pair("attested_by", who.attested_by);
  for (const auto& [name, text] : texts) {
    if (!text.empty()) {
      writer.pair(name, text);
    }
  }
  if (who.uid) {
    writer.str("uid").uint(*who.uid);
  }
  if (who.gid) {
    writer.str("gid").uint(*who.gid);
  }
  if (who.pid) {
    writer.str("pid").integer(*who.pid);
  }
}

void write_catalog_error(Writer& writer, const CatalogLine& line) {
  writer.map(line.id.empty() ? 3 : 4).pair("source", to_text(line.source)).pair("scope", to_text(line.scope));
  if (!line.id.empty()) {
    writer.pair("id", line.id);
  }
  writer.str("error");
  write_error(writer, *line.error);
}

}  // namespace

void secret(ReplyBuffer& out, std::uint32_t msgid, const SecretHead& head, std::size_t value_size) {
  Writer writer(out);
  begin(writer, msgid);
  write_secret(writer, head, value_size);
}

void error(ReplyBuffer& out, std::uint32_t msgid, const Error& error) {
  Writer writer(out);
  writer.array(4).uint(1).uint(msgid);
  write_error(writer, error);
  writer.nil();
}

void batch(ReplyBuffer& out, std::uint32_t msgid, std::size_t count) {
  Writer writer(out);
  begin(writer, msgid).array(count);
}

void batch_secret(ReplyBuffer& out, const SecretHead& head, std::size_t value_size) {
  Writer writer(out);
  writer.map(1).str("secret");
  write_secret(writer, head, value_size);
}

void batch_error(ReplyBuffer& out, const Error& error) {
  Writer writer(out);
  writer.map(1).str("error");
  write_error(writer, error);
}

void batch_subscription(ReplyBuffer& out, const SecretHead& head, bool exists) {
  Writer writer(out);
  write_subscription(writer, head, exists);
}

void changed(ReplyBuffer& out, const SecretHead& head, bool exists) {
  Writer writer(out);
  writer.array(3).uint(2).str("changed").array(1);
  write_subscription(writer, head, exists);
}

void pong(ReplyBuffer& out, std::uint32_t msgid) {
  Writer writer(out);
  begin(writer, msgid).str("pong");
}

void whoami(ReplyBuffer& out, std::uint32_t msgid, const Who& who) {
  Writer writer(out);
  begin(writer, msgid);
  write_who(writer, who);
}

void hello(ReplyBuffer& out, std::uint32_t msgid, std::string_view agent, std::uint32_t protocol, const Who* who,
           const HelloLimits& limits) {
  Writer writer(out);
  begin(writer, msgid);
  writer.map(4).pair("agent", agent).str("protocol").uint(protocol).str("identity");
  if (who != nullptr) {
    write_who(writer, *who);
  } else {
    writer.nil();
  }
  writer.str("limits").map(4);
  writer.str("max_frame").uint(limits.max_frame).str("max_value").uint(limits.max_value);
  writer.str("max_batch").uint(limits.max_batch).str("max_inflight").uint(limits.max_inflight);
}

void explanation(ReplyBuffer& out, std::uint32_t msgid, const Explanation& explanation) {
  Writer writer(out);
  begin(writer, msgid);
  if (!explanation.allowed) {
    writer.map(2).pair("decision", "deny").pair("hint", explanation.hint);
    return;
  }
  writer.map(7).pair("decision", "allow").pair_or_nil("rule", explanation.rule);
  writer.str("backend").map(2).pair("state", explanation.backend_state).pair_or_nil("why", explanation.backend_why);
  writer.str("found").boolean(explanation.found).str("cached").boolean(explanation.cached).str("age");
  explanation.age ? writer.integer(explanation.age->count()) : writer.nil();
  writer.pair_or_nil("hint", explanation.hint);
}

void catalog(ReplyBuffer& out, std::uint32_t msgid, std::span<const CatalogLine> lines) {
  Writer writer(out);
  begin(writer, msgid);
  writer.array(lines.size());
  for (const CatalogLine& line : lines) {
    if (line.error != nullptr) {
      write_catalog_error(writer, line);
      continue;
    }
    writer.map(line.id.empty() ? 6 : 7);
    write_place(writer, line.key, line.source, line.scope, line.id);
    writer.pair_or_nil("version", line.version);
    write_time(writer, "updated_at", line.updated_at);
    writer.pair_or_nil("updated_by", line.updated_by);
  }
}

}  // namespace tantalus::reply
