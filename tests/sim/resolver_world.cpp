// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/resolver_world.h"

#include <charconv>
#include <utility>

namespace tantalus::test {
namespace {

constexpr std::array keys{"alpha", "beta"};
constexpr Millis read_deadline = std::chrono::seconds(30);
constexpr Millis pause_after_failure = std::chrono::seconds(1);

std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  CHECK(read.ec == std::errc());
  return number;
}

}  // namespace

ResolverWorld::ResolverWorld(unsigned long seed, Options options, const AttestedCallers& callers)
    : options_(options),
      random_(static_cast<std::mt19937::result_type>(seed)),
      wall_(static_cast<std::mt19937::result_type>(seed + 1)),
      callers_(callers),
      rules_{Millis{5'000}, Millis{20'000}, Millis{1'000}, 80} {
  Result<std::unique_ptr<Arena>> arena = Arena::make({.bytes = options.arena_bytes});
  REQUIRE(arena.has_value());
  arena_ = std::move(*arena);
  const std::size_t share = options.arena_bytes / 2;
  cache_ = std::make_unique<Cache>(*arena_, Cache::Options{.per_domain = share, .per_domain_floor = share / 8});
  arena_->set_reclaimer([this](std::size_t bytes) { return cache_->reclaim(bytes, DomainId::none); });
  resolver_ = std::make_unique<Resolver>(*cache_, io, rules_);
  gate_ = std::make_unique<Gate>();
  resolver_->set_gate(*gate_);
  subscriptions_ = std::make_unique<Subscriptions>(*resolver_, io, *gate_);
  resolver_->set_place_listener(
      [this](Source source, IntegrationId integration, std::string_view object, std::string_view key) {
        subscriptions_->on_place_changed(source, integration, object, key);
      });
  for (const Source source : {Source::kubernetes, Source::file}) {
    backends_[source == Source::file ? 1 : 0] = make_backend(source);
    resolver_->set_backend(source, backend(source));
  }
  for (int i = 0; i < 4; ++i) {
    listeners_.emplace_back(*this);
  }
}

/// As the daemon goes: what waits, then what it waited in, then what it waited for.
ResolverWorld::~ResolverWorld() {
  gate_.reset();
  subscriptions_.reset();
  asking_.clear();
  resolver_.reset();
  cache_.reset();
  CHECK(arena_->usage().blocks == 0);
}

std::unique_ptr<ScriptedBackend> ResolverWorld::make_backend(Source source) {
  auto made = std::make_unique<ScriptedBackend>(source, io, *arena_, truth_, *this, random_);
  made->script.value_size = options_.value_size;
  if (source == Source::kubernetes) {
    made->watch_values();
  }
  return made;
}

StoredGrant ResolverWorld::any_grant() {
  Reference reference;
  reference.key = keys[static_cast<std::size_t>(up_to(1))];
  reference.source = one_in(2) ? Source::kubernetes : Source::file;
  reference.scope = one_in(4) ? Scope::global : Scope::domain;
  reference.field = one_in(3) ? "member" : "";
  StoredGrant grant = callers_.grant(static_cast<std::size_t>(up_to(static_cast<int>(callers_.size()) - 1)), reference);
  grants_.try_emplace(place_of(grant.view()), grant);
  return grant;
}

// --- what happens ---

void ResolverWorld::step() {
  switch (up_to(19)) {
    case 0:
      change_something();
      break;
    case 1:
      change_something();
      break;
    case 2:
      if (!asking_.empty()) {
        Caller& one = asking_[static_cast<std::size_t>(up_to(static_cast<int>(asking_.size()) - 1))];
        if (one.waits && !one.left) {
          one.left = true;
          ++seen_.left;
          one.cancel.cancel();
        }
      }
      break;
    case 3: {
      ScriptedBackend& one = backend(one_in(2) ? Source::file : Source::kubernetes);
      const std::array failures{Code::unavailable, Code::unavailable, Code::misconfigured, Code::internal};
      one.script.failure = one_in(3) ? std::optional(failures[static_cast<std::size_t>(up_to(3))]) : std::nullopt;
      one.script.fails_one_in = one_in(2) ? 0 : 5;
      break;
    }
    case 4:
      lose_or_find_watch();
      break;
    case 5: {
      Listener& listener = listeners_[static_cast<std::size_t>(up_to(static_cast<int>(listeners_.size()) - 1))];
      if (one_in(6)) {
        subscriptions_->remove(listener);
        listener.knows.clear();
      } else {
        gate_->enter(subscribe(listener, any_grant()));
      }
      break;
    }
    case 6:
      if (one_in(4)) {
        flush_something();
      }
      break;
    case 7:
      if (one_in(10)) {
        replace_backend(one_in(2) ? Source::file : Source::kubernetes);
      } else if (one_in(10)) {
        rules_.ttl = Millis{one_in(2) ? 5'000 : 2'000};
        resolver_->set_rules(rules_);
      }
      break;
    default:
      ask();
      break;
  }
  pass(one_in(3) ? Millis{0} : one_in(20) ? Millis{up_to(30'000)} : Millis{up_to(400)});
}

void ResolverWorld::pass(Millis time) {
  if (options_.steps_wall_clock && std::uniform_int_distribution<int>(0, 3)(wall_) == 0) {
    io.step_wall(std::chrono::hours(std::uniform_int_distribution<int>(-1, 1)(wall_)));
  }
  io.run_for(time);
  gate_->sweep();
  while (!asking_.empty() && !asking_.front().waits) {
    asking_.pop_front();
  }
  if (resolver_->is_idle()) {
    former_.clear();
  }
}

void ResolverWorld::ask() {
  Caller& caller = asking_.emplace_back(any_grant());
  std::optional<Millis> max_age;
  if (one_in(4)) {
    max_age = one_in(2) ? Millis{0} : Millis{1 + up_to(4'000)};
  }
  gate_->enter(call(caller, max_age));
}

/// A resolve as the server makes it: what is cached at once, else with all who wait.
Task<void> ResolverWorld::call(Caller& caller, std::optional<Millis> max_age) {
  const StoredGrant stored = caller.grant;
  const Grant grant = stored.view();
  const Asked asked{io.now(), truth_.next_number(), max_age, floors_[place_of(grant)]};
  const bool has = resolver_->has(grant, max_age, io.now());
  const std::optional<Resolver::Hit> hit = resolver_->find(grant, max_age, io.now());
  CHECK(has == hit.has_value());
  check_hit(grant, max_age, hit);
  if (hit.has_value()) {
    ++answers_;
    ++seen_.hits;
    note("hit " + name_of(grant) + " " + (hit->entry->value ? hit->entry->version : "-"));
    if (hit->entry->value.has_value() && options_.is_tight && one_in(4)) {
      caller.holds = hit->entry->value->share();  // A reply under way.
    }
    if (hit->freshness.wants_refresh) {
      resolver_->refresh(grant);
      check_refresh(grant);
    }
    co_return;
  }
  caller.waits = true;
  StoredGrant copy = stored;
  auto reading = resolver_->resolve(std::move(copy), max_age, io.now() + read_deadline, caller.cancel);
  Result<Resolved> answer = co_await reading;
  caller.waits = false;
  CHECK(++caller.answers == 1);
  if (caller.left) {
    co_return;
  }
  ++answers_;
  check_answer(grant, asked, answer);
  note("answer " + name_of(grant) + " " + (answer ? answer->version : std::string(to_text(answer.error().code))));
  if (answer.has_value() && one_in(2)) {
    caller.holds = std::move(answer->value);
    caller.waits = true;  // Somebody reads slowly: its value stays.
    auto slow = io.sleep_until(io.now() + Millis{up_to(5'000)}, never_);
    co_await slow;
    caller.holds.reset();
    caller.waits = false;
  }
}

Task<void> ResolverWorld::subscribe(Listener& listener, StoredGrant grant) {
  const std::string name = name_of(grant.view());
  const std::uint64_t as_of = subscriptions_->changes();
  StoredGrant copy = grant;
  auto reading = resolver_->resolve(std::move(copy), std::nullopt, io.now() + read_deadline, never_);
  Result<Resolved> answer = co_await reading;
  if (!answer.has_value() && answer.error().code != Code::not_found) {
    co_return;
  }
  const std::string place = place_of(grant.view());
  const int content = answer.has_value() ? truth_.of(place)[number_in(answer->version)].content : -1;
  listener.knows[name] = content;
  (void)subscriptions_->add(listener, grant, answer.has_value() ? std::optional(answer->value.share()) : std::nullopt,
                            answer.has_value() ? answer->version : std::string(), as_of);
  const auto known = subscriptions_->known(listener, grant.view());
  CHECK(known.has_value());
  if (known.has_value()) {
    CHECK((known->version.has_value() ? truth_.of(place)[number_in(*known->version)].content : -1) ==
          listener.knows[name]);
  }
}

void ResolverWorld::Listener::on_changed(const Grant& grant, std::optional<std::string_view> version) {
  ++world.seen_.told;
  const std::string place = place_of(grant);
  const int content = version.has_value() ? world.truth_.of(place)[number_in(*version)].content : -1;
  world.note("told " + name_of(grant) + " " + std::string(version.value_or("-")));
  INFO(name_of(grant) << " told " << version.value_or("-"));
  CHECK(content != knows[name_of(grant)]);  // Told what it knew.
  knows[name_of(grant)] = content;
  if (world.one_in(20)) {
    world.subscriptions_->remove(*this);
    knows.clear();
  }
}

void ResolverWorld::change_something() {
  const StoredGrant grant = any_grant();
  const std::string place = place_of(grant.view());
  const Truth::State now = truth_.of(place).back();
  const int content = one_in(4) ? -1 : one_in(4) ? now.content : up_to(1000);
  truth_.change(place, io.now(), content);
  untold_.insert(place);
  ScriptedBackend& of = backend(grant.view().source);
  if (of.watches() ? of.watch().healthy : one_in(2)) {
    gate_->enter(tell_later(of, place, grant, Millis{up_to(static_cast<int>(delay_of_news.count()))}));
  }
}

Task<void> ResolverWorld::tell_later(ScriptedBackend& of, std::string place, StoredGrant grant, Millis delay) {
  if (delay > Millis{0}) {
    auto sleep = io.sleep_until(io.now() + delay, never_);
    co_await sleep;
  }
  const Source source = grant.view().source;
  if (&of == backends_[source == Source::file ? 1 : 0].get() && (!of.watches() || of.watch().healthy)) {
    tell(place);
  }
}

void ResolverWorld::tell(const std::string& place) {
  untold_.erase(place);
  const Grant grant = grants_.at(place).view();
  floors_[place] = truth_.current(place);
  std::erase_if(model_, [&](const auto& entry) { return entry.first.starts_with(place + "#"); });
  backend(grant.source).outdate(place);
  for (const auto& former : former_) {
    former->outdate(place);
  }
  note("change " + place);
  resolver_->on_value_changed(grant.source, grant.integration, grant.object, grant.key);
}

/// A watch that is found again lists what it missed, before it vouches for anything.
void ResolverWorld::lose_or_find_watch() {
  ScriptedBackend& of = backend(Source::kubernetes);
  if (of.watch().healthy) {
    of.watch().healthy = false;
    of.watch().lost_at = io.now();
    return;
  }
  const std::set<std::string> missed = untold_;
  for (const std::string& place : missed) {
    if (grants_.at(place).view().source == Source::kubernetes) {
      tell(place);
    }
  }
  of.watch().healthy = true;
}

void ResolverWorld::flush_something() {
  const bool all = one_in(2);
  const std::string key = keys[static_cast<std::size_t>(up_to(1))];
  for (const auto& each : backends_) {
    each->outdate();
  }
  std::erase_if(model_,
                [&](const auto& entry) { return all || entry.first.find("/" + key + "#") != std::string::npos; });
  (void)resolver_->flush([&](const CacheEntry& entry) { return all || entry.grant.view().key == key; });
}

/// As a reload that names another directory, which holds the same.
void ResolverWorld::replace_backend(Source source) {
  auto& place = backends_[source == Source::file ? 1 : 0];
  for (const auto& each : backends_) {
    each->outdate();
  }
  for (const auto& each : former_) {
    each->outdate();
  }
  former_.push_back(std::exchange(place, make_backend(source)));
  std::erase_if(model_, [&](const auto& entry) { return entry.second.source == source; });
  resolver_->clear_backend(source);
  (void)resolver_->flush([&](const CacheEntry& entry) { return entry.grant.view().source == source; });
  resolver_->set_backend(source, *place);
  subscriptions_->on_source_changed(source);
}

void ResolverWorld::settle() {
  for (const auto& each : backends_) {
    each->script.failure.reset();
    each->script.fails_one_in = 0;
    each->script.hangs_one_in = 1'000'000;
  }
  if (!backend(Source::kubernetes).watch().healthy) {
    lose_or_find_watch();
  }
  pass(std::chrono::seconds(150));
  std::map<std::string, int> known;
  for (const Listener& listener : listeners_) {
    for (const auto& [name, content] : listener.knows) {
      INFO(name);  // What one has seen by itself, all hear.
      CHECK((known.try_emplace(name, content).first->second == content || options_.is_tight));
    }
  }
  const std::set<std::string> untold = untold_;
  for (const std::string& place : untold) {
    tell(place);
  }
  for (int i = 0; i < 10; ++i) {
    pass(std::chrono::seconds(30));
  }
  CHECK(asking_.empty());
  if (options_.is_tight) {
    return;  // What is subscribed may take all the room that comparing would need: it is tried again and again.
  }
  CHECK(resolver_->is_idle());
  CHECK(gate_->in_flight() == 0);
  for (Listener& listener : listeners_) {
    for (const auto& [name, content] : listener.knows) {
      INFO(name);
      const std::string place = name.substr(0, name.find('#'));
      CHECK(content == truth_.of(place).back().content);  // Everybody knows what is.
    }
  }
}

void ResolverWorld::empty() {
  for (Listener& listener : listeners_) {
    subscriptions_->remove(listener);
  }
  pass(std::chrono::seconds(1));
  CHECK(subscriptions_->size() == 0);
  (void)resolver_->flush([](const CacheEntry&) { return true; });
  CHECK(cache_->counters().entries == 0);
  CHECK(arena_->usage().blocks == 0);
  CHECK(gate_->in_flight() == 0);
}

// --- what should be ---

void ResolverWorld::on_landed(const Landing& landing) {
  std::vector<Landing>& of_now = landed_[landing.name];
  if (!of_now.empty() && of_now.front().landed != landing.landed) {
    of_now.clear();
  }
  of_now.push_back(landing);
  if (landing.failure.has_value()) {
    failed_at_[landing.name] = landing.landed;
  }
  const auto failure = landing.failure;
  if (!failure.has_value() || failure == Code::not_found) {
    if (!landing.outdated) {
      model_[landing.name] = {failure.has_value() ? std::nullopt : std::optional(landing.state), landing.begun,
                              landing.source};
    } else if (failure == Code::not_found) {
      model_.erase(landing.name);
    }
  } else if (failure == Code::misconfigured) {
    model_.erase(landing.name);
  }
}

const ResolverWorld::Entry* ResolverWorld::entry_of(const std::string& name) const {
  const auto found = model_.find(name);
  return found == model_.end() ? nullptr : &found->second;
}

bool ResolverWorld::is_vouched(const Entry& entry) {
  return entry.state.has_value() && backend(entry.source).watches() && backend(entry.source).watch().healthy;
}

BootClock::duration ResolverWorld::age_of(const Entry& entry) {
  if (is_vouched(entry)) {
    return {};
  }
  const bool was_watched = entry.state.has_value() && backend(entry.source).watches();
  return io.now() - (was_watched ? std::max(entry.read_at, backend(entry.source).watch().lost_at) : entry.read_at);
}

bool ResolverWorld::is_usable(const Entry& entry, std::optional<Millis> max_age) {
  const Millis ttl = entry.state.has_value() ? rules_.ttl : rules_.negative_ttl;
  const bool young = is_vouched(entry) || age_of(entry) < ttl;
  return young && (!max_age.has_value() || (*max_age > Millis{0} && age_of(entry) <= *max_age));
}

void ResolverWorld::check_value(const Grant& grant, const Secret& value, std::string_view version) {
  const int content = truth_.of(place_of(grant))[number_in(version)].content;
  CHECK(text_of(value) == backend(grant.source).text_of(name_of(grant), content));
}

void ResolverWorld::check_hit(const Grant& grant, std::optional<Millis> max_age,
                              const std::optional<Resolver::Hit>& hit) {
  const std::string name = name_of(grant);
  const Entry* entry = entry_of(name);
  const bool should = entry != nullptr && is_usable(*entry, max_age);
  INFO(name << (should ? " should" : " should not") << " be answered from the cache");
  if (!hit.has_value()) {
    CHECK((!should || options_.is_tight));
    return;
  }
  CHECK(should);  // No REQUIRE in a task: nothing may be thrown out of it.
  if (!should) {
    return;
  }
  const CacheEntry& got = *hit->entry;
  CHECK(got.value.has_value() == entry->state.has_value());
  CHECK(hit->freshness.age == to_millis(age_of(*entry)));
  const std::size_t state = entry->state.value_or(0);
  if (got.value.has_value()) {
    CHECK(got.version == std::to_string(state));
    check_value(grant, *got.value, got.version);
    CHECK(state >= floors_[place_of(grant)]);
    const Instant oldest = io.now() - (is_vouched(*entry) ? Millis{0} : rules_.ttl) - delay_of_news;
    CHECK(truth_.end_of(place_of(grant), state) >= oldest);
  } else {
    ++seen_.negative;
    CHECK(io.now() - entry->read_at < rules_.negative_ttl);
  }
}

/// A hit past its mark is being read again, was so a moment ago, or failed too recently.
void ResolverWorld::check_refresh(const Grant& grant) {
  const std::string name = name_of(grant);
  const auto landed = landed_.find(name);
  const bool just_read = landed != landed_.end() && landed->second.front().landed == io.now();
  const auto failed = failed_at_.find(name);
  const bool paused = failed != failed_at_.end() && io.now() - failed->second <= pause_after_failure;
  INFO(name);
  CHECK((backend(grant.source).under_way(name) == 1 || just_read || paused));
}

void ResolverWorld::check_answer(const Grant& grant, const Asked& asked, const Result<Resolved>& answer) {
  const std::string name = name_of(grant);
  const std::string place = place_of(grant);
  INFO(name << " asked at " << asked.at.time_since_epoch().count() << ", answered at "
            << io.now().time_since_epoch().count());
  if (answer.has_value() && answer->cached) {
    check_stale(grant, asked, *answer);
    return;
  }
  const std::vector<Landing>& landed = landed_[name];
  CHECK_FALSE(landed.empty());
  CHECK((landed.empty() || landed.front().landed == io.now()));
  if (!answer.has_value()) {
    ++seen_.failures;
    seen_.overloaded += answer.error().code == Code::overloaded ? 1 : 0;
    CHECK(answer.error().message != "the caller left");
    const bool of_read = std::ranges::any_of(landed, [&](const Landing& each) {
      return each.failure == answer.error().code || (!each.failure && answer.error().code == Code::overloaded);
    });
    CHECK(of_read);
    CHECK((answer.error().code != Code::overloaded || options_.is_tight));
    const Entry* entry = entry_of(name);
    if (answer.error().code == Code::unavailable && asked.max_age != Millis{0} && entry != nullptr &&
        !options_.is_tight) {
      const bool serves = entry->state.has_value() && age_of(*entry) < rules_.ttl + rules_.stale_if_error &&
                          (!asked.max_age.has_value() || age_of(*entry) <= *asked.max_age);
      CHECK_FALSE(serves);
    }
    return;
  }
  ++seen_.reads;
  CHECK_FALSE(answer->stale);
  const std::size_t state = number_in(answer->version);
  check_value(grant, answer->value, answer->version);
  CHECK(state >= asked.floor);
  // It was true at some moment that is young enough for who asked.
  CHECK(truth_.end_of(place, state) >= asked.at - asked.max_age.value_or(read_deadline));
  const bool of_read = std::ranges::any_of(landed, [&](const Landing& each) {
    const bool vouched = each.watch != nullptr && each.watch->healthy;
    const bool lost_since = each.watch != nullptr && each.watch->lost_at > each.begun;
    const Instant since = vouched ? io.now() : lost_since ? each.watch->lost_at : each.begun;
    return !each.failure.has_value() && each.state == state && answer->age == to_millis(io.now() - since) &&
           (asked.max_age != Millis{0} || each.begun_as > asked.as) &&
           (!asked.max_age.has_value() || each.begun >= asked.at - *asked.max_age);
  });
  CHECK(of_read);
}

/// Only a backend that could not be asked lets an old value go on, and not forever.
void ResolverWorld::check_stale(const Grant& grant, const Asked& asked, const Resolved& answer) {
  const std::string place = place_of(grant);
  const std::size_t state = number_in(answer.version);
  check_value(grant, answer.value, answer.version);
  CHECK(asked.max_age != Millis{0});
  CHECK(state >= asked.floor);
  const std::vector<Landing>& landed = landed_[name_of(grant)];
  CHECK(std::ranges::any_of(
      landed, [&](const Landing& each) { return each.landed == io.now() && each.failure == Code::unavailable; }));
  const Entry* entry = entry_of(name_of(grant));
  CHECK(entry != nullptr);
  if (entry == nullptr) {
    return;
  }
  CHECK(entry->state == state);
  CHECK(answer.age == to_millis(age_of(*entry)));
  CHECK(answer.stale == !(is_vouched(*entry) || age_of(*entry) < rules_.ttl));
  CHECK(age_of(*entry) < rules_.ttl + rules_.stale_if_error);
  CHECK((!asked.max_age.has_value() || answer.age <= *asked.max_age));
  CHECK(truth_.end_of(place, state) >= io.now() - rules_.ttl - rules_.stale_if_error - delay_of_news);
  seen_.stale += answer.stale ? 1 : 0;
}

}  // namespace tantalus::test
