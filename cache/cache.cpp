// SPDX-License-Identifier: Apache-2.0
#include "cache/cache.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "cache/account.h"
#include "cache/entry_table.h"

namespace tantalus {

/// What one domain has. Values that were never asked for again are given up first, so that reading many keys once
/// doesn't drive out those in use (trap 50).
struct DomainUse {
  explicit DomainUse(DomainId of) : id(of), account(Account::open()) {}

  DomainId id;
  Account::Owner account;
  UseList fresh;
  UseList used;
  UseList negative;

  [[nodiscard]] std::size_t values() const noexcept { return fresh.size() + used.size(); }
  [[nodiscard]] std::size_t negatives() const noexcept { return negative.size(); }
  [[nodiscard]] bool is_idle() const noexcept { return values() == 0 && negative.size() == 0 && account->bytes() == 0; }
};

class Cache::State {
 public:
  State(Arena& arena, Options options)
      : arena_(arena), options_(options), table_(options.max_values + options.max_negative) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() = default;

  void set_options(Options options) noexcept { options_ = options; }

  Entry* find(const Grant& grant) const noexcept { return table_.find(grant); }

  void mark_used(Entry& entry, Instant now) noexcept {
    entry.used_at = now;
    ++entry.hits;
    entry.used_as = ++uses_;
    DomainUse& domain = *entry.domain;
    UseList& list = entry.list == &domain.negative ? domain.negative : domain.used;
    if (list.newest() == &entry) {
      return;
    }
    entry.list->remove(entry);
    list.push_newest(entry);
    // A fifth is left to the fresh, else they would drive out each other while the used ones stay forever.
    while (domain.used.bytes() / 4 > domain.fresh.bytes() && domain.used.size() > 1) {
      Entry& demoted = *domain.used.oldest();
      domain.used.remove(demoted);
      domain.fresh.push_newest(demoted);
    }
  }

  Result<CacheEntry*> put(const StoredGrant& grant, Answer answer, Instant read_at) {
    Entry& entry = entry_for(grant, read_at);
    DomainUse& domain = *entry.domain;
    // The old value's bytes count for the new one, unless a reply still holds them.
    entry.value.reset();
    entry.list->set_cost(entry, 0);
    move_to(entry, entry.list == &domain.negative ? domain.fresh : *entry.list);

    const std::size_t cost = answer.value.cost();
    const std::size_t charge = answer.value.is_charged() ? 0 : cost;
    if (!make_room(domain, charge, entry)) {
      erase(entry);
      return fail(Code::overloaded, "this domain's share of locked memory has no room for this value");
    }
    if (charge != 0) {
      answer.value.charge_to(*domain.account);
    }
    entry.list->set_cost(entry, cost);
    entry.value.emplace(std::move(answer.value));
    entry.version = std::move(answer.version);
    entry.updated_at = answer.updated_at;
    entry.watch = answer.watch;
    entry.read_at = read_at;
    entry.refreshing = false;
    bound_values(entry);
    return &entry;
  }

  CacheEntry& put_missing(const StoredGrant& grant, const Watch* watch, Instant read_at) {
    Entry& entry = entry_for(grant, read_at);
    entry.value.reset();
    entry.list->set_cost(entry, 0);
    entry.version.clear();
    entry.updated_at.reset();
    entry.watch = watch;
    entry.read_at = read_at;
    entry.refreshing = false;
    move_to(entry, entry.domain->negative);
    bound_negatives(entry);
    return entry;
  }

  void erase(Entry& entry) noexcept {
    negatives_ -= entry.list == &entry.domain->negative ? 1 : 0;
    entry.list->remove(entry);
    table_.erase(entry);
  }

  bool reclaim(std::size_t bytes, DomainId domain) noexcept {
    std::size_t freed = 0;
    while (freed < bytes) {
      Entry* victim = oldest_of_all(domain);
      if (victim == nullptr) {
        break;
      }
      freed += victim->cost;
      evict(*victim);
    }
    return freed > 0;
  }

  std::size_t held_by(DomainId domain) const noexcept {
    const auto found = domains_.find(domain);
    return found == domains_.end() ? 0 : found->second->account->bytes();
  }

  Counters counters() const noexcept { return {evictions_, table_.size(), negatives_}; }
  EntryTable& table() noexcept { return table_; }

 private:
  Entry& entry_for(const StoredGrant& grant, Instant read_at) {
    if (Entry* found = table_.find(grant.view())) {
      return *found;
    }
    auto entry = std::make_unique<Entry>(grant);
    entry->used_at = read_at;
    entry->used_as = ++uses_;
    entry->domain = &domain_of(grant.view().domain);
    entry->domain->fresh.push_newest(*entry);
    Entry& added = *entry;
    table_.insert(std::move(entry));
    return added;
  }

  DomainUse& domain_of(DomainId id) {
    const auto found = domains_.find(id);
    if (found != domains_.end()) {
      return *found->second;
    }
    // Ids are never used again, so those that a reload left empty would gather.
    std::erase_if(domains_, [](const auto& each) { return each.second->is_idle(); });
    return *domains_.emplace(id, std::make_unique<DomainUse>(id)).first->second;
  }

  void move_to(Entry& entry, UseList& list) noexcept {
    const UseList* negative = &entry.domain->negative;
    negatives_ -= entry.list == negative ? 1 : 0;
    negatives_ += &list == negative ? 1 : 0;
    if (entry.list != &list) {
      entry.list->remove(entry);
      list.push_newest(entry);
    }
  }

  void evict(Entry& entry) noexcept {
    ++evictions_;
    erase(entry);
  }

  /// Evicts of the domain until `bytes` more fit into its share.
  bool make_room(DomainUse& domain, std::size_t bytes, const Entry& keep) noexcept {
    if (bytes > options_.per_domain) {
      return false;  // Nothing that could be evicted would help.
    }
    while (domain.account->bytes() + bytes > options_.per_domain) {
      Entry* victim = oldest_of(domain, &keep);
      if (victim == nullptr) {
        return false;
      }
      evict(*victim);
    }
    return true;
  }

  void bound_values(const Entry& keep) noexcept {
    DomainUse& domain = *keep.domain;
    const std::size_t limit = arena_.usage().limit;
    const std::size_t part = std::min(options_.per_domain, limit);
    const auto most = static_cast<std::size_t>(static_cast<double>(options_.max_values) *
                                               (static_cast<double>(part) / static_cast<double>(limit)));
    // Of those that replies hold none is evicted, so that there may be a few more for a while.
    while (domain.values() > std::max<std::size_t>(most, 1) && evict_if_any(oldest_of(domain, &keep))) {
    }
    while (table_.size() - negatives_ > options_.max_values &&
           evict_if_any(oldest_of(domain_with_most(domain, &DomainUse::values), &keep))) {
    }
  }

  /// A flood drives out itself, and nobody else's few.
  DomainUse& domain_with_most(DomainUse& at_least, std::size_t (DomainUse::*count)() const noexcept) noexcept {
    DomainUse* most = &at_least;
    for (const auto& [id, other] : domains_) {
      most = (other.get()->*count)() > (most->*count)() ? other.get() : most;
    }
    return *most;
  }

  bool evict_if_any(Entry* victim) noexcept {
    if (victim != nullptr) {
      evict(*victim);
    }
    return victim != nullptr;
  }

  void bound_negatives(const Entry& keep) noexcept {
    DomainUse& domain = *keep.domain;
    if (domain.negative.size() > std::max<std::size_t>(options_.max_negative_per_domain, 1)) {
      evict(*domain.negative.oldest());
    }
    while (negatives_ > std::max<std::size_t>(options_.max_negative, 1)) {
      Entry* oldest = domain_with_most(domain, &DomainUse::negatives).negative.oldest();
      evict(*(oldest == &keep ? oldest->newer : oldest));
    }
  }

  /// The value that its domain should give up first, of those whose bytes would come free. Null: there is none. Those
  /// that replies hold are in use at this moment: they become the newest, so that they aren't looked at again soon.
  Entry* oldest_of(DomainUse& domain, const Entry* keep = nullptr) noexcept {
    for (UseList* list : {&domain.fresh, &domain.used}) {
      for (std::size_t left = list->size(); left > 0; --left) {
        Entry& oldest = *list->oldest();
        if (&oldest != keep && oldest.value && !oldest.value->is_shared()) {
          return &oldest;
        }
        list->remove(oldest);
        list->push_newest(oldest);
        oldest.used_as = ++uses_;
      }
    }
    return nullptr;
  }

  /// The same among all domains, but for those that hold no more than their floor.
  Entry* oldest_of_all(DomainId asking, const Entry* keep = nullptr) noexcept {
    const std::size_t floor = std::min(options_.per_domain_floor, arena_.usage().limit / 2 / active_domains());
    Entry* oldest = nullptr;
    bool is_used = true;
    for (const auto& [id, domain] : domains_) {
      if (id != asking && domain->account->bytes() <= floor) {
        continue;
      }
      Entry* candidate = oldest_of(*domain, keep);
      if (candidate == nullptr) {
        continue;
      }
      const bool candidate_is_used = candidate->list == &domain->used;
      const bool is_older =
          candidate_is_used == is_used ? oldest == nullptr || candidate->used_as < oldest->used_as : !candidate_is_used;
      if (is_older) {
        oldest = candidate;
        is_used = candidate_is_used;
      }
    }
    return oldest;
  }

  std::size_t active_domains() const noexcept {
    std::size_t active = 1;
    for (const auto& [id, domain] : domains_) {
      active += domain->account->bytes() != 0 ? 1 : 0;
    }
    return active;
  }

  Arena& arena_;
  Options options_;
  // Before the table: its entries are in their lists, and their values are charged to their accounts.
  std::unordered_map<DomainId, std::unique_ptr<DomainUse>> domains_;
  EntryTable table_;
  std::size_t negatives_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t evictions_ = 0;
};

Cache::Cache(Arena& arena, Options options) : state_(std::make_unique<State>(arena, options)) {}

Cache::~Cache() = default;

void Cache::set_options(Options options) noexcept {
  state_->set_options(options);
}

CacheEntry* Cache::find(const Grant& grant, Instant now) noexcept {
  Entry* entry = state_->find(grant);
  if (entry != nullptr) {
    state_->mark_used(*entry, now);
  }
  return entry;
}

CacheEntry* Cache::peek(const Grant& grant) noexcept {
  return state_->find(grant);
}

Result<CacheEntry*> Cache::put(const StoredGrant& grant, Answer answer, Instant read_at) {
  return state_->put(grant, std::move(answer), read_at);
}

CacheEntry& Cache::put_missing(const StoredGrant& grant, const Watch* watch, Instant read_at) {
  return state_->put_missing(grant, watch, read_at);
}

void Cache::drop(const Grant& grant) noexcept {
  if (Entry* entry = state_->find(grant)) {
    state_->erase(*entry);
  }
}

std::size_t Cache::drop_if(const Predicate& predicate) {
  std::size_t dropped = 0;
  state_->table().for_each([&](Entry& entry) {
    if (predicate(entry)) {
      state_->erase(entry);
      ++dropped;
    }
  });
  return dropped;
}

void Cache::for_place(Source source, IntegrationId integration, std::string_view object, std::string_view key,
                      const std::function<void(CacheEntry&)>& visit) {
  const std::size_t place = place_hash(source, integration, object, key);
  for (Entry* entry = state_->table().bucket_of_place(place); entry != nullptr; entry = entry->next_by_place) {
    const Grant grant = entry->grant.view();
    if (grant.source == source && grant.integration == integration && grant.object == object && grant.key == key) {
      visit(*entry);
    }
  }
}

void Cache::for_each(const std::function<void(CacheEntry&)>& visit) {
  state_->table().for_each([&](Entry& entry) { visit(entry); });
}

bool Cache::reclaim(std::size_t bytes, DomainId domain) noexcept {
  return state_->reclaim(bytes, domain);
}

std::size_t Cache::held_by(DomainId domain) const noexcept {
  return state_->held_by(domain);
}

Cache::Counters Cache::counters() const noexcept {
  return state_->counters();
}

}  // namespace tantalus
