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
constexpr Millis first_pause = std::chrono::seconds(1);  // Before a comparison that failed is made again; it doubles.
constexpr Millis longest_pause = std::chrono::seconds(60);

std::size_t hash_of(const Grant& grant) noexcept {
  return place_hash(grant.source, grant.integration, grant.object, grant.key);
}

}  // namespace

/// The value of a grant at one moment; `value` unset: not there.
struct Subscriptions::State {
  std::optional<Secret> value;
  std::string version;

  [[nodiscard]] bool is_same(const State& other) const noexcept {
    return value.has_value() == other.value.has_value() &&
           (!value.has_value() || equal_in_constant_time(value->expose(), other.value->expose()));
  }
};

/// One grant, its state as it was compared last, and who subscribed it. It stays while a comparison is under way.
struct Subscriptions::Topic {
  struct Listener {
    Subscriber* subscriber;
    std::optional<State> knows = {};  ///< Unset: the topic's state.
  };
  Topic(const StoredGrant& of, State at) : grant(of), state(std::move(at)) {}

  [[nodiscard]] Listener* find(const Subscriber& subscriber) noexcept {
    const auto found = std::ranges::find(listeners, &subscriber, &Listener::subscriber);
    return found == listeners.end() ? nullptr : &*found;
  }

  StoredGrant grant;
  State state;
  std::vector<Listener> listeners;
  Cancel never;
  std::shared_ptr<Cancel>
      pause;  ///< Ends the pause of a comparison. Shared with who fires it, which may end the topic.
  bool comparing = false;
  bool changed_meanwhile = false;
};

Subscriptions::Subscriptions(Resolver& resolver, Io& io, Gate& gate) : resolver_(resolver), io_(io), gate_(gate) {}
Subscriptions::~Subscriptions() = default;

Subscriptions::Topic* Subscriptions::find(const Grant& grant) const noexcept {
  const auto [first, last] = topics_.equal_range(hash_of(grant));
  const auto found = std::find_if(first, last, [&](const auto& at) { return at.second->grant.view() == grant; });
  return found == last ? nullptr : found->second.get();
}

bool Subscriptions::add(Subscriber& subscriber, const StoredGrant& grant, std::optional<Secret> value,
                        std::string version, std::uint64_t as_of) {
  State told{std::move(value), std::move(version)};
  Topic* topic = find(grant.view());
  if (topic == nullptr) {
    auto made = std::make_unique<Topic>(grant, State{});
    topic = made.get();
    topics_.emplace(hash_of(grant.view()), std::move(made));
  }
  const bool may_be_old = as_of != changes_;
  if (topic->listeners.empty()) {
    topic->state = std::move(told);
    topic->listeners.push_back({&subscriber});
    if (may_be_old) {
      start_comparing(*topic);
    }
    return true;
  }
  Topic::Listener* listener = topic->find(subscriber);
  const bool is_new = listener == nullptr;
  if (is_new) {
    listener = &topic->listeners.emplace_back(Topic::Listener{&subscriber});
  }
  listener->knows.reset();
  if (!told.is_same(topic->state)) {
    // One of the two is older, and whoever knows only that hears of the other.
    listener->knows = std::move(told);
  }
  if (may_be_old || listener->knows.has_value()) {
    start_comparing(*topic);
  }
  return is_new;
}

void Subscriptions::remove(Subscriber& subscriber) noexcept {
  std::vector<std::shared_ptr<Cancel>> pauses;
  std::erase_if(topics_, [&](const auto& at) {
    Topic& topic = *at.second;
    std::erase_if(topic.listeners, [&](const Topic::Listener& each) { return each.subscriber == &subscriber; });
    if (!topic.listeners.empty()) {
      return false;
    }
    topic.state = {};
    if (topic.pause != nullptr) {
      pauses.push_back(topic.pause);
    }
    return !topic.comparing;
  });
  for (const std::shared_ptr<Cancel>& pause : pauses) {
    pause->cancel();  // Which may end its topic: nobody waits for it any more.
  }
}

std::optional<Subscriptions::Known> Subscriptions::known(const Subscriber& subscriber, const Grant& grant) const {
  Topic* topic = find(grant);
  const Topic::Listener* listener = topic != nullptr ? topic->find(subscriber) : nullptr;
  if (listener == nullptr) {
    return std::nullopt;
  }
  const State& state = listener->knows.has_value() ? *listener->knows : topic->state;
  return Known{state.value.has_value() ? std::optional(state.version) : std::nullopt};
}

void Subscriptions::forget(const Topic& topic) noexcept {
  const auto [first, last] = topics_.equal_range(hash_of(topic.grant.view()));
  const auto found = std::find_if(first, last, [&](const auto& at) { return at.second.get() == &topic; });
  topics_.erase(found);
}

void Subscriptions::on_place_changed(Source source, IntegrationId integration, std::string_view object,
                                     std::string_view key) {
  ++changes_;
  std::vector<StoredGrant> touched;
  const auto [first, last] = topics_.equal_range(place_hash(source, integration, object, key));
  for (auto at = first; at != last; ++at) {
    const Grant grant = at->second->grant.view();
    if (grant.source == source && grant.integration == integration && grant.object == object && grant.key == key) {
      touched.push_back(at->second->grant);
    }
  }
  compare_all(touched);
}

void Subscriptions::on_source_changed(Source source) {
  ++changes_;
  std::vector<StoredGrant> touched;
  for (const auto& [place, topic] : topics_) {
    if (topic->grant.view().source == source) {
      touched.push_back(topic->grant);
    }
  }
  compare_all(touched);
}

/// A comparison may end at once and tell subscribers, who may leave: the table is not walked meanwhile.
void Subscriptions::compare_all(const std::vector<StoredGrant>& grants) {
  for (const StoredGrant& grant : grants) {
    if (Topic* topic = find(grant.view())) {
      start_comparing(*topic);
    }
  }
}

void Subscriptions::start_comparing(Topic& topic) {
  if (topic.comparing) {
    topic.changed_meanwhile = true;
    if (const std::shared_ptr<Cancel> pause = topic.pause) {
      pause->cancel();
    }
    return;
  }
  topic.comparing = true;
  if (!gate_.enter(compare(topic))) {
    topic.comparing = false;  // The agent is stopping.
  }
}

Task<void> Subscriptions::compare(Topic& topic) {
  Millis pause = first_pause;
  while (!topic.listeners.empty()) {
    topic.changed_meanwhile = false;
    const Instant deadline = io_.now() + compare_deadline;
    StoredGrant grant = topic.grant;
    auto reading = resolver_.resolve(std::move(grant), std::nullopt, deadline, topic.never);
    Result<Resolved> outcome = co_await reading;
    const bool settled = settle(topic, std::move(outcome));
    if (topic.changed_meanwhile) {
      pause = first_pause;
      continue;
    }
    if (settled) {
      break;
    }
    const auto until = std::make_shared<Cancel>();
    topic.pause = until;
    auto waiting = io_.sleep_until(io_.now() + pause, *until);
    co_await waiting;
    topic.pause.reset();
    pause = std::min(pause * 2, longest_pause);
  }
  topic.comparing = false;
  if (topic.listeners.empty()) {
    forget(topic);
  }
}

bool Subscriptions::settle(Topic& topic, Result<Resolved> outcome) {
  if (outcome.has_value() && !outcome->stale) {
    tell(topic, {std::move(outcome->value), std::move(outcome->version)});
    return true;
  }
  if (!outcome.has_value() && outcome.error().code == Code::not_found) {
    tell(topic, {});
    return true;
  }
  // What lies there can't be answered until it changes; a backend that is down, full or refuses us may heal by itself.
  return !outcome.has_value() &&
         (outcome.error().code == Code::too_large || outcome.error().code == Code::invalid_request);
}

void Subscriptions::tell(Topic& topic, State state) {
  const bool changed = !state.is_same(topic.state);
  if (changed) {
    topic.state = std::move(state);
  }
  std::vector<Subscriber*> surprised;
  for (Topic::Listener& listener : topic.listeners) {
    if (listener.knows.has_value() ? !listener.knows->is_same(topic.state) : changed) {
      surprised.push_back(listener.subscriber);
    }
    listener.knows.reset();
  }
  const auto version = topic.state.value.has_value() ? std::optional(topic.state.version) : std::nullopt;
  for (Subscriber* subscriber : surprised) {
    if (topic.find(*subscriber) != nullptr) {  // One may leave while another is told.
      subscriber->on_changed(topic.grant.view(), version);
    }
  }
}

}  // namespace tantalus
