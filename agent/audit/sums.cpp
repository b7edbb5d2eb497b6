// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/sums.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace tantalus {
namespace {

constexpr std::size_t bucket_count = 4096;

/// The events that a caller can cause at will.
bool is_of_callers(AuditEvent event) noexcept {
  return event == AuditEvent::resolve || event == AuditEvent::explain || event == AuditEvent::list ||
         event == AuditEvent::subscribe;
}

std::size_t mix(std::size_t seed, std::size_t value) noexcept {
  return (seed ^ value) * std::size_t{0x9e3779b97f4a7c15} + (seed >> 31U);
}

}  // namespace

struct AuditSums::Sum {
  std::size_t hash = 0;
  std::shared_ptr<const Who> who;
  AuditEvent event = AuditEvent::resolve;
  std::optional<Code> failure;
  bool has_place = false;
  std::optional<Source> source;
  std::optional<Scope> scope;
  std::string id;
  std::string key;
  std::uint64_t count = 0;
  std::uint64_t of_turn = 0;  ///< Of `count`, since the last commit or rollback.
  std::uint64_t given = 0;    ///< Of `count`, in lines that are not written yet.
  std::uint64_t due = 0;      ///< Of `given`, in the last of them.
  bool is_over = false;       ///< Its second is: nothing more is counted in it.
  Sum* next = nullptr;        ///< Of its bucket.

  [[nodiscard]] bool fits(const Who* whose, const AuditRecord& record, bool with_place) const noexcept {
    return !is_over && who.get() == whose && event == record.event && failure == record.failure &&
           has_place == with_place &&
           (!with_place || (source == record.source && scope == record.scope && id == record.id && key == record.key));
  }
};

namespace {

std::size_t hash_of(const void* who, const AuditRecord& record, bool has_place) noexcept {
  std::size_t hash = std::hash<const void*>()(who);
  hash = mix(hash, static_cast<std::size_t>(record.event));
  hash = mix(hash, record.failure ? static_cast<std::size_t>(*record.failure) + 1 : 0);
  if (has_place) {
    hash = mix(hash, std::hash<std::string_view>()(record.key));
    hash = mix(hash, std::hash<std::string_view>()(record.id));
    hash = mix(hash, record.scope ? static_cast<std::size_t>(*record.scope) + 1 : 0);
    hash = mix(hash, record.source ? static_cast<std::size_t>(*record.source) + 1 : 0);
  }
  return hash;
}

}  // namespace

AuditSums::AuditSums() = default;
AuditSums::~AuditSums() = default;

AuditSums::Fate AuditSums::note(const AuditRecord& record, std::int64_t second) {
  const bool is_refusal = record.event == AuditEvent::refuse;
  if (!is_refusal && (!is_of_callers(record.event) || lines_per_second_ == 0)) {
    return Fate::line;
  }
  second_ = second;
  Account& account = account_of(record, second);
  if (!is_refusal && account.lines < lines_per_second_) {
    ++account.lines;
    return Fate::line;
  }
  refresh(account, record);
  bool has_place = !is_refusal && record.key.size() <= AuditChain::max_text && record.id.size() <= AuditChain::max_text;
  if (Sum* sum = find(account, record, has_place)) {
    count(*sum);
    return Fate::counted;
  }
  if (has_place && (account.places >= max_places || sums_.size() >= max_sums)) {
    has_place = false;
    if (Sum* sum = find(account, record, has_place)) {
      count(*sum);
      return Fate::counted;
    }
  }
  account.places += has_place ? 1 : 0;
  add(account, record, has_place);
  return is_refusal ? Fate::counted_line : Fate::line;
}

AuditSums::Account& AuditSums::account_of(const AuditRecord& record, std::int64_t second) {
  const PrincipalId principal = record.who != nullptr ? record.who->principal() : PrincipalId::unattested;
  const auto known = accounts_.find(principal);
  if (known == accounts_.end() && accounts_.size() >= sweep_at_) {
    std::erase_if(accounts_, [&](const auto& entry) { return entry.second.second != second; });
    sweep_at_ = std::max<std::size_t>(4096, 2 * accounts_.size());
  }
  Account& account = known != accounts_.end() ? known->second : accounts_[principal];
  if (account.second != second) {
    account.second = second;
    account.lines = 0;
    account.places = 0;
  }
  return account;
}

void AuditSums::refresh(Account& account, const AuditRecord& record) {
  const Identity* identity = record.who;
  const Who* who = account.who.get();
  const bool is_same =
      who != nullptr && who->is_attested == (identity != nullptr) &&
      (identity == nullptr || (who->domain == identity->domain() && who->admin == identity->is_admin() &&
                               who->kind == identity->facts().attested_by));
  if (is_same) {
    return;
  }
  Who whose;
  if (identity != nullptr) {
    const IdentityFacts& facts = identity->facts();
    whose = Who{identity->domain(), true,      identity->is_admin(), facts.attested_by,
                facts.uid,          facts.pod, facts.namespace_name, facts.service_account,
                facts.pod_uid,      facts.unit};
  }
  account.who = std::make_shared<const Who>(std::move(whose));
}

AuditSums::Sum* AuditSums::find(const Account& account, const AuditRecord& record, bool has_place) noexcept {
  if (buckets_.empty()) {
    return nullptr;
  }
  const std::size_t hash = hash_of(account.who.get(), record, has_place);
  for (Sum* sum = buckets_[hash % bucket_count]; sum != nullptr; sum = sum->next) {
    if (sum->hash == hash && sum->fits(account.who.get(), record, has_place)) {
      return sum;
    }
  }
  return nullptr;
}

void AuditSums::add(const Account& account, const AuditRecord& record, bool has_place) {
  if (buckets_.empty()) {
    buckets_.assign(bucket_count, nullptr);
  }
  if (free_.empty()) {
    free_.push_back(std::make_unique<Sum>());
  }
  sums_.push_back(std::move(free_.back()));
  free_.pop_back();
  Sum& sum = *sums_.back();
  sum.hash = hash_of(account.who.get(), record, has_place);
  sum.who = account.who;
  sum.event = record.event;
  sum.failure = record.failure;
  sum.has_place = has_place;
  sum.source = record.source;
  sum.scope = record.scope;
  sum.id.assign(has_place ? record.id : std::string_view());
  sum.key.assign(has_place ? record.key : std::string_view());
  sum.count = 0;
  sum.of_turn = 0;
  sum.given = 0;
  sum.is_over = false;
  Sum*& bucket = buckets_[sum.hash % bucket_count];
  sum.next = bucket;
  bucket = &sum;
}

void AuditSums::count(Sum& sum) {
  if (sum.of_turn == 0) {
    touched_.push_back(&sum);
  }
  ++sum.of_turn;
  ++sum.count;
  ++counted_;
}

/// Gives sums up, and builds the buckets of the others.
template <class Drop>
void AuditSums::drop_if(Drop drop) noexcept {
  std::size_t kept = 0;
  for (std::unique_ptr<Sum>& sum : sums_) {
    if (drop(*sum)) {
      sum->who.reset();
      free_.push_back(std::move(sum));
    } else {
      std::swap(sums_[kept++], sum);
    }
  }
  sums_.resize(kept);
  std::ranges::fill(buckets_, nullptr);
  for (const std::unique_ptr<Sum>& sum : sums_) {
    Sum*& bucket = buckets_[sum->hash % bucket_count];
    sum->next = bucket;
    bucket = sum.get();
  }
}

std::span<AuditSums::Sum* const> AuditSums::due(std::int64_t second) {
  second_ = second;
  due_.clear();
  drop_if([](const Sum& sum) { return sum.count == 0; });
  for (const std::unique_ptr<Sum>& sum : sums_) {
    if (sum->count > sum->given) {
      if (sum->given == 0) {
        given_.push_back(sum.get());
      }
      sum->due = sum->count - sum->given;
      sum->given = sum->count;
      due_.push_back(sum.get());
    }
    // The line of a refusal's count is this second's line of it, so what follows is counted again.
    sum->is_over = sum->event != AuditEvent::refuse;
  }
  return due_;
}

AuditLine AuditSums::line_of(const Sum& sum, WallMicros time) noexcept {
  AuditLine line;
  line.time = time;
  line.event = to_text(sum.event);
  line.outcome = sum.failure ? to_text(*sum.failure) : "ok";
  const Who& who = *sum.who;
  if (who.is_attested) {
    line.domain = who.domain != nullptr ? std::string_view(who.domain->name) : std::string_view();
    line.admin = who.admin;
    line.attested_by = to_text(who.kind);
    line.pod = who.pod;
    line.namespace_name = who.namespace_name;
    line.service_account = who.service_account;
    line.pod_uid = who.pod_uid;
    line.unit = who.unit;
    line.uid = who.uid;
  }
  if (sum.has_place) {
    line.source = sum.source ? to_text(*sum.source) : std::string_view();
    line.scope = sum.scope ? to_text(*sum.scope) : std::string_view();
    line.id = sum.id;
    line.key = sum.key;
  } else if (sum.event != AuditEvent::refuse) {
    line.detail = "of several places, which were too many or too long to be counted apart";
  }
  line.count = sum.due;
  return line;
}

void AuditSums::commit() noexcept {
  for (Sum* sum : touched_) {
    sum->of_turn = 0;
  }
  touched_.clear();
  if (given_.empty()) {
    return;
  }
  for (Sum* sum : given_) {
    counted_ -= sum->given;
    sum->count -= sum->given;
    sum->given = 0;
  }
  given_.clear();
  drop_if([](const Sum& sum) { return sum.count == 0 && sum.is_over; });
}

void AuditSums::rollback(bool answers_leave) noexcept {
  for (Sum* sum : touched_) {
    if (!answers_leave) {
      counted_ -= sum->of_turn;
      sum->count -= sum->of_turn;
    }
    sum->of_turn = 0;
  }
  touched_.clear();
  for (Sum* sum : given_) {
    sum->given = 0;
    sum->is_over = false;
  }
  given_.clear();
}

}  // namespace tantalus
