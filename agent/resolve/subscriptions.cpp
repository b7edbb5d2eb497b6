// SPDX-License-Identifier: Apache-2.0
#include "agent/resolve/subscriptions.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "cache/wipe.h"

namespace tantalus {
namespace {

constexpr Millis compare_deadline = std::chrono::seconds(30);

std::size_t hash_of(const Grant& grant) noexcept {
  return place_hash(grant.source, grant.integration, grant.object, grant.key);
}

}  // namespace

/// One grant, what its subscribers were last told, and they. It stays while a comparison is under way.
struct Subscriptions::Topic {
  Topic(const StoredGrant& of, std::optional<Secret> held, std::string at)
      : grant(of), value(std::move(held)), version(std::move(at)) {}
  StoredGrant grant;
  std::optional<Secret> value;
  std::string version;
  std::vector<Subscriber*> subscribers;
  Cancel cancel;
  bool comparing = false;
  bool changed_meanwhile = false;
};

Subscriptions::Subscriptions(Resolver& resolver, Io& io, Gate& gate) : resolver_(resolver), io_(io), gate_(gate) {}
Subscriptions::~Subscriptions() = default;

void Subscriptions::add(Subscriber& subscriber, const StoredGrant& grant, std::optional<Secret> value,
                        std::string version) {
  const auto [first, last] = topics_.equal_range(hash_of(grant.view()));
  const auto found = std::find_if(first, last, [&](const auto& at) { return at.second->grant.view() == grant.view(); });
  if (found == last) {
    auto topic = std::make_unique<Topic>(grant, std::move(value), std::move(version));
    topic->subscribers.push_back(&subscriber);
    topics_.emplace(hash_of(grant.view()), std::move(topic));
    return;
  }
  auto& subscribers = found->second->subscribers;
  if (std::ranges::find(subscribers, &subscriber) == subscribers.end()) {
    subscribers.push_back(&subscriber);
  }
}

void Subscriptions::remove(Subscriber& subscriber) noexcept {
  std::erase_if(topics_, [&](const auto& at) {
    Topic& topic = *at.second;
    std::erase(topic.subscribers, &subscriber);
    if (!topic.subscribers.empty()) {
      return false;
    }
    topic.value.reset();
    return !topic.comparing;
  });
}

void Subscriptions::forget(const Topic& topic) noexcept {
  const auto [first, last] = topics_.equal_range(hash_of(topic.grant.view()));
  const auto found = std::find_if(first, last, [&](const auto& at) { return at.second.get() == &topic; });
  topics_.erase(found);
}

void Subscriptions::on_place_changed(Source source, IntegrationId integration, std::string_view object,
                                     std::string_view key) {
  // A comparison may end at once and tell subscribers, who may leave: the table is not walked while it runs.
  std::vector<Topic*> touched;
  const auto [first, last] = topics_.equal_range(place_hash(source, integration, object, key));
  for (auto at = first; at != last; ++at) {
    Topic& topic = *at->second;
    const Grant grant = topic.grant.view();
    if (grant.source == source && grant.integration == integration && grant.object == object && grant.key == key) {
      if (topic.comparing) {
        topic.changed_meanwhile = true;
      } else {
        topic.comparing = true;
        touched.push_back(&topic);
      }
    }
  }
  for (Topic* topic : touched) {
    if (!gate_.enter(compare(*topic))) {
      topic->comparing = false;  // The agent is stopping.
    }
  }
}

Task<void> Subscriptions::compare(Topic& topic) {
  do {
    topic.changed_meanwhile = false;
    const Instant deadline = io_.now() + compare_deadline;
    StoredGrant grant = topic.grant;
    auto reading = resolver_.resolve(std::move(grant), std::nullopt, deadline, topic.cancel);
    Result<Resolved> outcome = co_await reading;
    if (outcome.has_value()) {
      const bool same =
          topic.value.has_value() && equal_in_constant_time(topic.value->expose(), outcome->value.expose());
      if (!same) {
        topic.value = std::move(outcome->value);
        topic.version = std::move(outcome->version);
        tell(topic);
      }
    } else if (outcome.error().code == Code::not_found && topic.value.has_value()) {
      topic.value.reset();
      topic.version.clear();
      tell(topic);
    }
    // Any other failure says nothing of the value: the next change compares again.
  } while (topic.changed_meanwhile);
  topic.comparing = false;
  if (topic.subscribers.empty()) {
    forget(topic);
  }
}

void Subscriptions::tell(Topic& topic) {
  const auto version = topic.value.has_value() ? std::optional<std::string_view>(topic.version) : std::nullopt;
  const std::vector<Subscriber*> subscribers = topic.subscribers;  // One may leave while it is told.
  for (Subscriber* subscriber : subscribers) {
    if (std::ranges::find(topic.subscribers, subscriber) != topic.subscribers.end()) {
      subscriber->on_changed(topic.grant.view(), version);
    }
  }
}

}  // namespace tantalus
