// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cache/cache.h"

namespace tantalus {

struct DomainUse;

/// An entry with its links: in two tables, and in one list of its domain.
struct Entry : CacheEntry {
  explicit Entry(const StoredGrant& stored);

  std::size_t place;  ///< place_hash() of its grant.
  std::size_t hash;   ///< grant_hash() of its grant.
  Entry* next_by_grant = nullptr;
  Entry* next_by_place = nullptr;
  Entry** place_link = nullptr;  ///< What points to it there: one place may have many entries.
  DomainUse* domain = nullptr;
  class UseList* list = nullptr;  ///< The one it is in.
  Entry* newer = nullptr;
  Entry* older = nullptr;
  std::size_t cost = 0;       ///< Bytes of the arena.
  std::uint64_t used_as = 0;  ///< Counts uses of the whole cache: the smaller, the longer ago.
};

/// Entries in the order of their use.
class UseList {
 public:
  UseList() = default;
  UseList(const UseList&) = delete;
  UseList& operator=(const UseList&) = delete;

  void push_newest(Entry& entry) noexcept;
  void remove(Entry& entry) noexcept;
  void set_cost(Entry& entry, std::size_t cost) noexcept;
  [[nodiscard]] Entry* newest() const noexcept { return newest_; }
  [[nodiscard]] Entry* oldest() const noexcept { return oldest_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

/// Entries by grant and by place. Owns them. Its buckets are made once for the most entries there may be, so that
/// nothing is moved later, whoever fills it.
class EntryTable {
 public:
  explicit EntryTable(std::size_t most_entries);
  EntryTable(const EntryTable&) = delete;
  EntryTable& operator=(const EntryTable&) = delete;
  ~EntryTable();

  [[nodiscard]] Entry* find(const Grant& grant) const noexcept;
  void insert(std::unique_ptr<Entry> entry) noexcept;
  void erase(Entry& entry) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The first entry of the bucket of a place; the others follow by `next_by_place`. Not all are of that place.
  [[nodiscard]] Entry* bucket_of_place(std::size_t place) const noexcept { return by_place_[place & mask_]; }
  /// `visit` may erase the entry that it is given, and no other.
  template <class Visit>
  void for_each(Visit visit) {
    for (Entry* entry : by_grant_) {
      while (entry != nullptr) {
        Entry* next = entry->next_by_grant;
        visit(*entry);
        entry = next;
      }
    }
  }

 private:
  std::vector<Entry*> by_grant_;
  std::vector<Entry*> by_place_;
  std::size_t mask_;
  std::size_t size_ = 0;
};

}  // namespace tantalus
