// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "tests/support/catch.h"
#include "tests/support/sim_io.h"

namespace tantalus::test {

/// What really lies at each place, and since when: the simulation's memory of everything that was ever true.
class Truth {
 public:
  struct State {
    Instant from;
    int content;  ///< Less than 0: there is no value. States that follow each other may be the same.
  };
  using States = std::vector<State>;

  [[nodiscard]] const States& of(const std::string& place) {
    return places_.try_emplace(place, 1, never_).first->second;
  }
  void change(const std::string& place, Instant now, int content) {
    (void)of(place);
    places_.at(place).push_back({now, content});
  }
  /// Until when it was the state of the place; the end of time: it still is.
  [[nodiscard]] Instant end_of(const std::string& place, std::size_t number) {
    const States& states = of(place);
    return number + 1 < states.size() ? states[number + 1].from : Instant::max();
  }
  /// Tells what came first of what came at one instant.
  [[nodiscard]] std::uint64_t next_number() noexcept { return ++number_; }
  [[nodiscard]] std::size_t current(const std::string& place) { return of(place).size() - 1; }

 private:
  State never_{Instant{}, -1};
  std::uint64_t number_ = 0;
  std::map<std::string, States> places_;
};

[[nodiscard]] inline std::string place_of(const Grant& grant) {
  return std::string(to_text(grant.source)) + "/" + std::string(grant.object) + "/" + std::string(grant.key);
}
[[nodiscard]] inline std::string name_of(const Grant& grant) {
  return place_of(grant) + "#" + std::string(grant.field);
}

/// How one read went.
struct Landing {
  std::string name;
  Source source;
  Instant begun;
  Instant landed;
  bool outdated;
  std::optional<Code> failure;
  std::size_t state = 0;  ///< Of the place, as it was read.
  std::uint64_t begun_as = 0;
  const Watch* watch = nullptr;
};

class Landings {
 public:
  virtual void on_landed(const Landing& landing) = 0;

 protected:
  ~Landings() = default;
};

/// A backend over the truth, whose answers take their time and fail as the script says. `random` draws the same for the
/// same seed. A value is its content's number and name, as long as the content wants; its version is the state's
/// number.
class ScriptedBackend final : public Backend {
 public:
  struct Script {
    std::optional<Code> failure;  ///< Of all fetches.
    int fails_one_in = 0;         ///< Of single ones; 0: none.
    Millis slow{50};              ///< The most that each half of a fetch takes; now and then it is far more.
    int hangs_one_in = 50;
    std::size_t value_size = 40;
  };

  ScriptedBackend(Source source, SimIo& io, Arena& arena, Truth& truth, Landings& landings, std::mt19937& random)
      : source_(source), io_(io), arena_(arena), truth_(truth), landings_(landings), random_(random) {
    watch_.healthy = true;
  }

  Script script;
  [[nodiscard]] Watch& watch() noexcept { return watch_; }
  void watch_values() noexcept { watches_ = true; }
  [[nodiscard]] bool watches() const noexcept { return watches_; }
  [[nodiscard]] int under_way(const std::string& name) const {
    const auto found = reads_.find(name);
    return found == reads_.end() ? 0 : found->second.count;
  }
  [[nodiscard]] std::size_t all_under_way() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(reads_, [](const auto& read) { return read.second.count > 0; }));
  }
  [[nodiscard]] std::uint64_t fetches() const noexcept { return fetches_; }
  /// What is read of this place, or of all, is no longer kept.
  void outdate(const std::string& place = {}) {
    for (auto& [name, read] : reads_) {
      read.outdated = read.outdated || place.empty() || name.starts_with(place + "#");
    }
  }

  [[nodiscard]] Source source() const noexcept override { return source_; }
  [[nodiscard]] Task<Result<Answer>> fetch(StoredGrant grant, Instant deadline, Cancel& cancel) override {
    const std::string name = name_of(grant.view());
    const std::string place = place_of(grant.view());
    ++fetches_;
    Read& read = reads_[name];
    CHECK(++read.count == 1);  // One read under way for each grant.
    read.outdated = false;
    Landing landing{
        name, source_, io_.now(), {}, false, std::nullopt, 0, truth_.next_number(), watches_ ? &watch_ : nullptr};
    auto there = take_time(deadline, cancel);
    co_await there;
    landing.state = truth_.current(place);
    const int content = truth_.of(place)[landing.state].content;
    auto back = take_time(deadline, cancel);
    co_await back;
    --read.count;
    CHECK_FALSE(cancel.is_cancelled());  // Nobody who can leave owns it.
    landing.landed = io_.now();
    landing.outdated = read.outdated;
    if (script.failure.has_value()) {
      landing.failure = script.failure;
    } else if (io_.now() >= deadline || (script.fails_one_in > 0 && up_to(script.fails_one_in) == 0)) {
      landing.failure = Code::unavailable;
    } else if (content < 0) {
      landing.failure = Code::not_found;
    }
    std::optional<Secret> value;
    if (!landing.failure.has_value()) {
      value = write(text_of(name, content));
      landing.failure = value.has_value() ? std::nullopt : std::optional(Code::overloaded);
    }
    landings_.on_landed(landing);
    if (landing.failure.has_value()) {
      co_return fail(*landing.failure, "as the script says");
    }
    co_return Answer{std::move(*value), std::to_string(landing.state), io_.wall_now(), landing.watch};
  }
  [[nodiscard]] Task<Result<std::vector<CatalogEntry>>> list(DomainId, std::string, Instant, Cancel&) override {
    co_return fail(Code::unavailable, "not of this simulation");
  }
  [[nodiscard]] BackendState state(std::string_view) const override { return {}; }

  [[nodiscard]] std::string text_of(const std::string& name, int content) const {
    std::string text = name + "=" + std::to_string(content) + ";";
    const std::size_t size = script.value_size * static_cast<std::size_t>(1 + content % 3);
    text.resize(std::max(text.size(), size), '.');
    return text;
  }

 private:
  struct Read {
    int count = 0;
    bool outdated = false;
  };

  int up_to(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  [[nodiscard]] Task<void> take_time(Instant deadline, Cancel& cancel) {
    const int most = static_cast<int>(script.slow.count());
    int millis = up_to(3) == 0 ? 0 : up_to(most);
    millis = up_to(script.hangs_one_in) == 0 ? up_to(40'000) : millis;
    if (millis > 0) {
      auto sleep = io_.sleep_until(std::min(io_.now() + Millis{millis}, deadline), cancel);
      co_await sleep;
    }
  }
  std::optional<Secret> write(const std::string& text) {
    Result<SecretWriter> writer = SecretWriter::make(arena_, text.size());
    if (!writer.has_value() || !writer->append(std::as_bytes(std::span(text))).has_value()) {
      return std::nullopt;
    }
    return std::move(*writer).freeze();
  }

  Source source_;
  SimIo& io_;
  Arena& arena_;
  Truth& truth_;
  Landings& landings_;
  std::mt19937& random_;
  Watch watch_;
  bool watches_ = false;
  std::uint64_t fetches_ = 0;
  std::map<std::string, Read> reads_;
};

}  // namespace tantalus::test
