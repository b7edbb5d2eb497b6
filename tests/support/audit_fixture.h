// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agent/audit/audit.h"
#include "agent/loop/loop.h"
#include "tests/support/catch.h"
#include "tests/support/identity_maker.h"
#include "tests/support/temp_dir.h"
#include "tests/support/trail.h"

namespace tantalus::test {

/// A trail on a loop that turns when the test says so, and two callers of two domains.
class AuditFixture {
 public:
  AuditFixture() : maker_(rules()), finance(maker_.user(1001)), sales(maker_.user(1002)) {
    config.path = folder / "audit.jsonl";
  }
  [[nodiscard]] Result<void> try_open() {
    audit.reset();
    Result<std::unique_ptr<Audit>> opened = Audit::open(config, loop, "9.9");
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    audit = std::move(*opened);
    return {};
  }
  void open() {
    const Result<void> opened = try_open();
    check(opened.has_value(), opened ? "" : opened.error().message.c_str());
  }
  /// Lets the loop turn for a while.
  void turn(Millis length = Millis(1)) {
    stop_.arm(loop.precise_now() + length);
    loop.run();
  }
  /// Does it all in one turn.
  template <class Body>
  void in_turn(Body body) {
    Timer now(loop, [&] {
      body();
      loop.stop();
    });
    now.arm(loop.precise_now());
    loop.run();
  }
  /// To the start of a second, so that what follows at once is in one.
  void to_next_second() {
    const auto second = std::chrono::floor<std::chrono::seconds>(loop.precise_now().time_since_epoch());
    stop_.arm(Instant(second + std::chrono::milliseconds(1'020)));
    loop.run();
  }
  void resolve(const Identity& who, std::string_view key, std::optional<Code> failure = std::nullopt) {
    AuditRecord record{.event = AuditEvent::resolve,
                       .failure = failure,
                       .who = &who,
                       .source = Source::file,
                       .scope = Scope::domain,
                       .key = key};
    audit->record(record);
  }
  [[nodiscard]] std::string text() const { return read_file(config.path); }
  [[nodiscard]] std::vector<std::string> lines() const { return lines_of(text()); }
  /// Of the last line.
  [[nodiscard]] std::optional<std::string> last_text(std::string_view name) const {
    const std::string line = lines().back();
    return ParsedAuditLine::parse(line)->text(name);
  }
  [[nodiscard]] std::optional<std::uint64_t> last_number(std::string_view name) const {
    const std::string line = lines().back();
    return ParsedAuditLine::parse(line)->number(name);
  }

  TempDir folder;
  AuditConfig config;
  Loop loop;

 private:
  static IdentityConfig rules() {
    IdentityConfig identity;
    identity.domains = {user_rule("1001", "finance"), user_rule("1002", "sales")};
    return identity;
  }
  IdentityMaker maker_;
  Timer stop_{loop, [this] { loop.stop(); }};

 public:
  Identity finance, sales;
  std::unique_ptr<Audit> audit;
};

}  // namespace tantalus::test
