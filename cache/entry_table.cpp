// SPDX-License-Identifier: Apache-2.0
#include "cache/entry_table.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace tantalus {
namespace {

std::size_t place_of(const Grant& grant) noexcept {
  return place_hash(grant.source, grant.integration, grant.object, grant.key);
}

}  // namespace

Entry::Entry(const StoredGrant& stored)
    : CacheEntry{.grant = stored, .value = {}, .version = {}, .updated_at = {}},
      place(place_of(grant.view())),
      hash(grant_hash(grant.view(), place)) {}

void UseList::push_newest(Entry& entry) noexcept {
  entry.list = this;
  entry.newer = nullptr;
  entry.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &entry;
  newest_ = &entry;
  ++size_;
  bytes_ += entry.cost;
}

void UseList::remove(Entry& entry) noexcept {
  (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
  (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
  entry.list = nullptr;
  entry.newer = nullptr;
  entry.older = nullptr;
  --size_;
  bytes_ -= entry.cost;
}

void UseList::set_cost(Entry& entry, std::size_t cost) noexcept {
  bytes_ += cost - entry.cost;
  entry.cost = cost;
}

EntryTable::EntryTable(std::size_t most_entries)
    : by_grant_(std::bit_ceil(std::max<std::size_t>(most_entries, 64))),
      by_place_(by_grant_.size()),
      mask_(by_grant_.size() - 1) {}

EntryTable::~EntryTable() {
  for_each([this](Entry& entry) { erase(entry); });
}

Entry* EntryTable::find(const Grant& grant) const noexcept {
  const std::size_t hash = grant_hash(grant, place_of(grant));
  Entry* entry = by_grant_[hash & mask_];
  // Promise 1: the hash only leads to the entry, all fields decide.
  while (entry != nullptr && !(entry->hash == hash && entry->grant.view() == grant)) {
    entry = entry->next_by_grant;
  }
  return entry;
}

void EntryTable::insert(std::unique_ptr<Entry> entry) noexcept {
  Entry* added = entry.release();
  added->next_by_grant = std::exchange(by_grant_[added->hash & mask_], added);
  added->place_link = &by_place_[added->place & mask_];
  added->next_by_place = std::exchange(*added->place_link, added);
  if (added->next_by_place != nullptr) {
    added->next_by_place->place_link = &added->next_by_place;
  }
  ++size_;
}

void EntryTable::erase(Entry& entry) noexcept {
  Entry** link = &by_grant_[entry.hash & mask_];
  while (*link != &entry) {
    link = &(*link)->next_by_grant;
  }
  *link = entry.next_by_grant;
  *entry.place_link = entry.next_by_place;
  if (entry.next_by_place != nullptr) {
    entry.next_by_place->place_link = entry.place_link;
  }
  --size_;
  delete &entry;
}

}  // namespace tantalus
