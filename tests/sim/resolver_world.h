// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "agent/resolve/resolver.h"
#include "agent/resolve/subscriptions.h"
#include "tests/sim/scripted_backend.h"
#include "tests/support/attested_callers.h"

namespace tantalus::test {

[[nodiscard]] inline std::string text_of(const Secret& value) {
  const auto bytes = value.expose();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The real resolver, cache, arena and subscriptions over scripted backends in virtual time, beside a model of what
/// they should do: a map of what was read last. Every answer is checked against the model and against the truth.
class ResolverWorld final : public Landings {
 public:
  struct Options {
    std::size_t arena_bytes = 1024 * 1024;
    std::size_t value_size = 40;
    bool steps_wall_clock = true;
    bool is_tight = false;  ///< The arena is too small: entries may go at any time.
  };
  ResolverWorld(unsigned long seed, Options options, const AttestedCallers& callers);
  ~ResolverWorld();

  void step();    ///< Something happens, and some time passes.
  void settle();  ///< All is well again, everybody gets an answer, everything is told.
  void empty();   ///< Nobody holds anything: then the arena is empty.

  /// All that was answered and told, and when.
  [[nodiscard]] const std::string& trace() const noexcept { return trace_; }
  [[nodiscard]] std::uint64_t answers() const noexcept { return answers_; }
  struct Seen {
    std::uint64_t hits = 0, reads = 0, stale = 0, negative = 0, failures = 0, left = 0, told = 0, overloaded = 0;
  };
  [[nodiscard]] const Seen& seen() const noexcept { return seen_; }

  void on_landed(const Landing& landing) override;

 private:
  struct Caller {
    explicit Caller(StoredGrant of) : grant(std::move(of)) {}
    StoredGrant grant;
    Cancel cancel;
    bool waits = false;
    bool left = false;
    int answers = 0;
    std::optional<Secret> holds;
  };
  struct Entry {
    std::optional<std::size_t> state;  ///< Unset: not found.
    Instant read_at;
    Source source;
  };
  struct Listener final : Subscriber {
    explicit Listener(ResolverWorld& of) : world(of) {}
    void on_changed(const Grant& grant, std::optional<std::string_view> version) override;
    ResolverWorld& world;
    std::map<std::string, int> knows;  ///< By grant, the content; less than 0: not there.
  };
  static constexpr Millis delay_of_news{20};

  int up_to(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  bool one_in(int odds) { return up_to(odds - 1) == 0; }
  ScriptedBackend& backend(Source source) { return *backends_[source == Source::file ? 1 : 0]; }
  [[nodiscard]] std::unique_ptr<ScriptedBackend> make_backend(Source source);
  StoredGrant any_grant();
  void note(const std::string& what) {
    trace_ += std::to_string(io.now().time_since_epoch().count()) + " " + what + "\n";
  }

  // What happens.
  void ask();
  Task<void> call(Caller& caller, std::optional<Millis> max_age);
  Task<void> subscribe(Listener& listener, StoredGrant grant);
  void change_something();
  Task<void> tell_later(ScriptedBackend& of, std::string place, StoredGrant grant, Millis delay);
  void tell(const std::string& place);
  void lose_or_find_watch();
  void flush_something();
  void replace_backend(Source source);
  void pass(Millis time);

  // What should be.
  [[nodiscard]] bool is_vouched(const Entry& entry);
  [[nodiscard]] BootClock::duration age_of(const Entry& entry);
  [[nodiscard]] bool is_usable(const Entry& entry, std::optional<Millis> max_age);
  [[nodiscard]] const Entry* entry_of(const std::string& name) const;
  void check_hit(const Grant& grant, std::optional<Millis> max_age, const std::optional<Resolver::Hit>& hit);
  void check_refresh(const Grant& grant);
  struct Asked {
    Instant at;
    std::uint64_t as;
    std::optional<Millis> max_age;
    std::size_t floor;
  };
  void check_answer(const Grant& grant, const Asked& asked, const Result<Resolved>& answer);
  void check_stale(const Grant& grant, const Asked& asked, const Resolved& answer);
  void check_value(const Grant& grant, const Secret& value, std::string_view version);

  Options options_;
  std::mt19937 random_;
  std::mt19937 wall_;
  const AttestedCallers& callers_;
  Truth truth_;
  std::map<std::string, StoredGrant> grants_;  ///< One of each place that was ever touched.
  std::set<std::string> untold_;               ///< Places whose change nobody was told of yet.
  std::map<std::string, std::size_t> floors_;  ///< By place: what was told last, which nothing older may follow.
  std::map<std::string, Entry> model_;
  std::map<std::string, std::vector<Landing>> landed_;  ///< By grant, those of one instant.
  std::map<std::string, Instant> failed_at_;
  Seen seen_;
  std::uint64_t answers_ = 0;
  std::string trace_;

 public:
  SimIo io;

 private:
  FreshnessRules rules_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Cache> cache_;
  std::array<std::unique_ptr<ScriptedBackend>, 2> backends_;
  std::vector<std::unique_ptr<ScriptedBackend>> former_;
  std::unique_ptr<Resolver> resolver_;
  std::deque<Caller> asking_;
  std::deque<Listener> listeners_;
  Cancel never_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Subscriptions> subscriptions_;
};

}  // namespace tantalus::test
