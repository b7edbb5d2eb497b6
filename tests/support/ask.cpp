// SPDX-License-Identifier: Apache-2.0
#include "tests/support/ask.h"

#include <grp.h>
#include <unistd.h>

#include <sstream>

#include "protocol/request.h"
#include "protocol/response.h"
#include "tests/support/child.h"
#include "tests/support/wire_client.h"

namespace tantalus::test {
namespace {

std::string text_of(const response::SecretView& secret) {
  return {reinterpret_cast<const char*>(secret.value.data()), secret.value.size()};
}

std::string text_of(const response::ErrorView& error) {
  return "!" + std::string(error.code) + ": " + std::string(error.message);
}

/// The methods' results differ in shape, so each reader is tried: the first that fits tells.
std::string text_of(const WireClient::Reply& reply) {
  if (reply.head.error.has_value()) {
    return text_of(*reply.head.error);
  }
  if (const auto secret = response::read_secret(reply.head.result); secret.has_value() && !secret->key.empty()) {
    return text_of(*secret);
  }
  if (const auto text = response::read_text(reply.head.result); text.has_value()) {
    return std::string(*text);
  }
  if (const auto batch = response::read_batch(reply.head.result);
      batch.has_value() && !batch->empty() && (batch->front().secret.has_value() || batch->front().error.has_value())) {
    return batch->front().secret.has_value() ? text_of(*batch->front().secret) : text_of(*batch->front().error);
  }
  std::ostringstream text;
  if (const auto members = response::read_members(reply.head.result); members.has_value()) {
    for (const response::Member& member : *members) {
      text << member.name << '=';
      switch (member.kind) {
        case response::Member::Kind::nil:
          text << "nil";
          break;
        case response::Member::Kind::boolean:
          text << (member.boolean ? "true" : "false");
          break;
        case response::Member::Kind::integer:
          text << member.integer;
          break;
        case response::Member::Kind::text:
          text << member.text;
          break;
      }
      text << ' ';
    }
    return text.str();
  }
  if (const auto items = response::read_catalog(reply.head.result); items.has_value()) {
    for (const response::CatalogItem& item : *items) {
      text << item.scope << '/' << item.key << (item.error.has_value() ? text_of(*item.error) : "") << ' ';
    }
    return text.str();
  }
  return "(unreadable)";
}

template <class Write>
ReplyBuffer written(Write write) {
  ReplyBuffer bytes;
  write(bytes);
  return bytes;
}

}  // namespace

std::vector<std::string> ask_as(uid_t user, const std::string& socket, const std::vector<ReplyBuffer>& requests) {
  const Ended ended = in_child([&](int out) {
    if (::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0)) {
      return 1;
    }
    WireClient client(socket);
    std::string all;
    for (const ReplyBuffer& request : requests) {
      (void)client.try_send(request);  // It may be closed already: what it was told before that is still there.
      const auto reply = client.receive();
      all += reply.has_value() ? text_of(*reply) : std::string("(closed)");
      all += '\x1e';
      if (!reply.has_value()) {
        break;
      }
    }
    say(out, all);
    return 0;
  });
  std::vector<std::string> answers;
  std::istringstream parts(ended.said);
  for (std::string part; std::getline(parts, part, '\x1e');) {
    answers.push_back(part);
  }
  answers.resize(requests.size(), "(closed)");
  return answers;
}

ReplyBuffer to_resolve(const Reference& reference) {
  return written([&](ReplyBuffer& out) { request::resolve(out, 1, reference, std::nullopt); });
}
ReplyBuffer to_resolve_many(const Reference& reference) {
  return written([&](ReplyBuffer& out) { request::resolve_many(out, 1, {&reference, 1}, std::nullopt); });
}
ReplyBuffer to_explain(const Reference& reference) {
  return written([&](ReplyBuffer& out) { request::explain(out, 1, reference); });
}
ReplyBuffer to_subscribe(const Reference& reference) {
  return written([&](ReplyBuffer& out) { request::subscribe(out, 1, {&reference, 1}); });
}
ReplyBuffer to_list() {
  return written([](ReplyBuffer& out) { request::list(out, 1, std::nullopt, std::nullopt); });
}
ReplyBuffer to_whoami() {
  return written([](ReplyBuffer& out) { request::whoami(out, 1); });
}
ReplyBuffer to_hello() {
  return written([](ReplyBuffer& out) { request::hello(out, 1, "test/1", std::nullopt); });
}
ReplyBuffer to_ping() {
  return written([](ReplyBuffer& out) { request::ping(out, 1); });
}

}  // namespace tantalus::test
