// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "backends/backend.h"
#include "backends/io.h"

namespace tantalus::test {

/// A backend that a real one can't be made to be: it answers when the test says so. Values are by "object/key". Counts
/// every fetch. Loop thread only.
class WaitingBackend final : public Backend {
 public:
  WaitingBackend(Arena& arena, Io& io) : arena_(arena), io_(io) {}

  void set(const std::string& place, std::string bytes, std::string version) {
    values_[place] = {std::move(bytes), std::move(version)};
  }
  void erase(const std::string& place) { values_.erase(place); }
  /// How long each fetch waits from here on.
  void set_delay(Millis delay) noexcept { delay_ = delay; }
  /// Every fetch fails with this from here on; unset: none.
  void set_failure(std::optional<Error> failure) { failure_ = std::move(failure); }
  /// While it holds, no fetch ends but by its Cancel.
  void set_hold(bool hold) noexcept { hold_ = hold; }
  /// Whether a fetch answers what was there when it began, as one that is long on its way does, or when it ends.
  void set_reads_first(bool reads_first) noexcept { reads_first_ = reads_first; }
  [[nodiscard]] int fetches() const noexcept { return fetches_; }
  [[nodiscard]] int under_way() const noexcept { return under_way_; }

  [[nodiscard]] Source source() const noexcept override { return Source::file; }

  [[nodiscard]] Task<Result<Answer>> fetch(StoredGrant grant, Instant, Cancel& cancel) override {
    ++fetches_;
    ++under_way_;
    std::optional<Result<Answer>> first;
    if (reads_first_) {
      first.emplace(read(grant));
    }
    auto wait = wait_its_time(cancel);
    co_await wait;
    --under_way_;
    if (first.has_value()) {
      co_return std::move(*first);
    }
    co_return read(grant);
  }

  [[nodiscard]] Task<Result<std::vector<CatalogEntry>>> list(DomainId, std::string object, Instant,
                                                             Cancel& cancel) override {
    ++under_way_;
    auto wait = wait_its_time(cancel);
    co_await wait;
    --under_way_;
    if (failure_.has_value()) {
      co_return std::unexpected(*failure_);
    }
    std::vector<CatalogEntry> entries;
    for (const auto& [place, value] : values_) {
      if (place.starts_with(object + "/")) {
        entries.push_back({place.substr(object.size() + 1), value.version, std::nullopt, {}});
      }
    }
    co_return std::move(entries);
  }

  [[nodiscard]] BackendState state(std::string_view) const override {
    return {failure_.has_value() ? Health::down : Health::ok, failure_.has_value() ? "unreachable" : "", {}, {}};
  }

 private:
  struct Value {
    std::string bytes;
    std::string version;
  };

  [[nodiscard]] Task<void> wait_its_time(Cancel& cancel) {
    const Instant until = io_.now() + delay_;
    while ((hold_ || io_.now() < until) && !cancel.is_cancelled()) {
      auto wait = io_.sleep_until(hold_ ? io_.now() + Millis{1} : until, cancel);
      co_await wait;
    }
  }

  [[nodiscard]] Result<Answer> read(const StoredGrant& grant) {
    if (failure_.has_value()) {
      return std::unexpected(*failure_);
    }
    const Grant view = grant.view();
    const auto found = values_.find(std::string(view.object) + "/" + std::string(view.key));
    if (found == values_.end()) {
      return fail(Code::not_found, "no such secret");
    }
    Result<SecretWriter> writer = SecretWriter::make(arena_, found->second.bytes.size());
    if (!writer.has_value()) {
      return std::unexpected(writer.error());
    }
    const Result<void> written = writer->append(std::as_bytes(std::span(found->second.bytes)));
    if (!written.has_value()) {
      return std::unexpected(written.error());
    }
    return Answer{std::move(*writer).freeze(), found->second.version, std::nullopt, nullptr};
  }

  Arena& arena_;
  Io& io_;
  std::map<std::string, Value> values_;
  Millis delay_{0};
  std::optional<Error> failure_;
  bool hold_ = false;
  bool reads_first_ = false;
  int fetches_ = 0;
  int under_way_ = 0;
};

}  // namespace tantalus::test
