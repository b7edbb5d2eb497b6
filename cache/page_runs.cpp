// SPDX-License-Identifier: Apache-2.0
#include "cache/page_runs.h"

#include <bit>

#include "protocol/error.h"

namespace tantalus {

PageRuns::PageRuns(std::size_t pages) : pages_(pages) {
  check(pages > 0 && pages < PageInfo::none, "an arena of an impossible size");
  first_.fill(PageInfo::none);
  insert(0, count());
}

std::optional<std::uint32_t> PageRuns::take(std::uint32_t length, PageInfo::Use use, End end) noexcept {
  const std::uint32_t found = best_fit(length);
  if (found == PageInfo::none) {
    return std::nullopt;
  }
  const std::uint32_t rest = pages_[found].length - length;
  remove(found);
  std::uint32_t head = found;
  if (rest != 0) {
    head = end == End::low ? found : found + rest;
    insert(end == End::low ? found + length : found, rest);
  }
  for (std::uint32_t page = head; page < head + length; ++page) {
    pages_[page].use = use;
    pages_[page].touched = true;
    pages_[page].head = head;
  }
  pages_[head].length = length;
  return head;
}

void PageRuns::give_back(std::uint32_t head) noexcept {
  const std::uint32_t end = head + pages_[head].length;
  for (std::uint32_t page = head; page < end; ++page) {
    pages_[page].use = PageInfo::Use::free;
    pages_[page].head = PageInfo::none;
    pages_[page].length = 0;
  }
  std::uint32_t joined = head;
  std::uint32_t length = end - head;
  if (head > 0 && pages_[head - 1].use == PageInfo::Use::free) {
    joined = pages_[head - 1].head;
    length += pages_[joined].length;
    remove(joined);
  }
  if (end < count() && pages_[end].use == PageInfo::Use::free) {
    length += pages_[end].length;
    remove(end);
  }
  insert(joined, length);
}

std::uint32_t PageRuns::bin_of(std::uint32_t length) noexcept {
  if (length <= exact_bins) {
    return length - 1;
  }
  return exact_bins + static_cast<std::uint32_t>(std::bit_width(length - 1)) - 7;  // 65 to 128 pages are the first.
}

std::uint32_t PageRuns::best_fit(std::uint32_t length) const noexcept {
  for (std::uint32_t bin = bin_of(length); bin < bins; ++bin) {
    std::uint32_t best = PageInfo::none;
    for (std::uint32_t head = first_[bin]; head != PageInfo::none; head = pages_[head].next) {
      const bool fits = pages_[head].length >= length;
      if (fits && (best == PageInfo::none || pages_[head].length < pages_[best].length)) {
        best = head;
      }
      if (fits && bin < exact_bins) {
        return head;  // All of this bin are of one length.
      }
    }
    if (best != PageInfo::none) {
      return best;
    }
  }
  return PageInfo::none;
}

void PageRuns::insert(std::uint32_t head, std::uint32_t length) noexcept {
  const std::uint32_t last = head + length - 1;
  pages_[head].head = head;
  pages_[head].length = length;
  pages_[last].head = head;
  std::uint32_t& first = first_[bin_of(length)];
  pages_[head].previous = PageInfo::none;
  pages_[head].next = first;
  if (first != PageInfo::none) {
    pages_[first].previous = head;
  }
  first = head;
}

void PageRuns::remove(std::uint32_t head) noexcept {
  PageInfo& run = pages_[head];
  if (run.previous == PageInfo::none) {
    first_[bin_of(run.length)] = run.next;
  } else {
    pages_[run.previous].next = run.next;
  }
  if (run.next != PageInfo::none) {
    pages_[run.next].previous = run.previous;
  }
  run.next = PageInfo::none;
  run.previous = PageInfo::none;
}

}  // namespace tantalus
