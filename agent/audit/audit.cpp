// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/audit.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

#include "agent/audit/sums.h"
#include "agent/audit/trail_file.h"

namespace tantalus {
namespace {

constexpr auto second = std::chrono::seconds(1);
constexpr std::size_t usual_batch = std::size_t{64} * 1024;

/// A line of the agent's own, about the trail itself.
AuditLine own_line(AuditEvent event, WallMicros time, std::string_view detail) noexcept {
  AuditLine line;
  line.time = time;
  line.event = to_text(event);
  line.outcome = "ok";
  line.detail = detail;
  return line;
}

}  // namespace

class Audit::State {
 public:
  State(const AuditConfig& config, Loop& loop, std::string_view version)
      : config_(config),
        loop_(loop),
        version_("tantalusd " + std::string(version)),
        second_timer_(loop, [this] { on_second(); }),
        sync_timer_(loop, [this] { start_sync(); }) {
    sums_.set_lines_per_second(config.lines_per_second);
    batch_.reserve(usual_batch);
  }

  [[nodiscard]] Result<void> start() {
    if (is_off()) {
      return {};
    }
    Result<TrailFile> file = TrailFile::open(config_.path);
    if (!file) {
      note_failure(file.error().message);
      return is_deny() ? Result<void>(std::unexpected(std::move(file.error()))) : Result<void>();
    }
    take_up(std::move(*file), version_);
    if (!write_batch()) {
      return is_deny() ? Result<void>(fail(Code::unavailable, problem_)) : Result<void>();
    }
    return {};
  }

  void record(const AuditRecord& record) {
    if (is_off()) {
      return;
    }
    const std::int64_t now = loop_.now().time_since_epoch() / second;
    if (sums_.is_due(now)) {
      add_sums(now);
    }
    const AuditSums::Fate fate = sums_.note(record, now);
    if (fate == AuditSums::Fate::counted) {
      arm_second();
      return;
    }
    AuditLine line = line_of(record, time_of_turn());
    if (fate == AuditSums::Fate::counted_line) {
      line.count = 1;
    }
    add(line);
  }

  [[nodiscard]] bool flush() {
    if (is_off()) {
      return true;
    }
    const bool has_new_counts = sums_.has_new_counts();
    // What failed earlier in this turn took lines of its answers with it.
    bool written = failed_turn_ != loop_.now();
    // A turn of which only counts tell is all right as long as its line can be expected to be written.
    if (has_new_counts && !healthy_ && written) {
      add_sums(loop_.now().time_since_epoch() / second);
    }
    if (!batch_.empty()) {
      written = write_batch() && written;
    } else if (has_new_counts) {
      written ? sums_.commit() : sums_.rollback(!is_deny());
    }
    return written || !is_deny();
  }

  [[nodiscard]] bool is_healthy() const noexcept { return is_off() || healthy_ || !is_deny(); }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  void reopen() {
    if (file_) {
      follow();
    }
  }

  void finish() {
    if (is_off()) {
      return;
    }
    add_sums(loop_.now().time_since_epoch() / second);
    add(own_line(AuditEvent::stop, time_of_turn(), version_));
    if (write_batch() && file_) {
      note_sync(TrailFile::sync(*file_->descriptor()));
    }
    second_timer_.disarm();
    sync_timer_.disarm();
  }

  [[nodiscard]] Result<void> reconfigure(const AuditConfig& config) {
    if (config.path != config_.path && !config.path.empty()) {
      Result<TrailFile> file = TrailFile::open(config.path);
      if (!file) {
        return std::unexpected(std::move(file.error()));
      }
      leave();
      config_ = config;
      take_up(std::move(*file), version_ + ", after a reload");
      write_batch();
    } else if (config.path != config_.path) {
      leave();
      file_.reset();
      second_timer_.disarm();
      sync_timer_.disarm();
    }
    config_ = config;
    sums_.set_lines_per_second(config.lines_per_second);
    return {};
  }

  [[nodiscard]] Head head() const { return {written_head_.seq, std::string(view(written_head_.hash))}; }
  [[nodiscard]] Counters counters() const noexcept { return counters_; }

 private:
  [[nodiscard]] bool is_off() const noexcept { return config_.path.empty(); }
  [[nodiscard]] bool is_deny() const noexcept { return config_.on_failure == AuditFailure::deny; }

  /// One reading of the clock for all lines of a turn.
  [[nodiscard]] WallMicros time_of_turn() {
    if (turn_ != loop_.now()) {
      turn_ = loop_.now();
      turn_time_ = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
    return turn_time_;
  }

  void add(const AuditLine& line) {
    if (batch_.empty()) {
      add_gap();
    }
    chain_.append(batch_, line);
    ++batch_lines_;
  }

  /// Before the first line after a failure: what the trail lacks, and what it has too much.
  void add_gap() {
    if (lost_lines_ == 0 && torn_.empty() && !lacks_newline_) {
      return;
    }
    const std::string detail = std::to_string(lost_lines_) + " lines could not be written" +
                               (lost_answers_left_ ? "; their answers left" : "; their answers did not leave");
    AuditLine line = own_line(AuditEvent::start, time_of_turn(), lost_lines_ > 0 ? std::string_view(detail) : version_);
    const HashText torn_hash = torn_.empty() ? HashText{} : Sha256().of(torn_);
    if (!torn_.empty() || lacks_newline_) {
      batch_ += '\n';
    }
    if (!torn_.empty()) {
      line.torn_bytes = torn_.size();
      line.torn_hash = view(torn_hash);
    }
    chain_.append(batch_, line);
  }

  void add_sums(std::int64_t now) {
    for (const AuditSums::Sum* sum : sums_.due(now)) {
      add(AuditSums::line_of(*sum, time_of_turn()));
    }
  }

  /// Goes on with the chain of a file, and says in a line of its own that it does.
  void take_up(TrailFile file, std::string_view detail) {
    const TrailTail& tail = file.tail();
    written_head_ = tail.head.value_or(ChainHead());
    chain_.set_head(written_head_);
    torn_.clear();
    lacks_newline_ = false;
    lost_lines_ = 0;
    AuditLine line = own_line(AuditEvent::start, time_of_turn(), detail);
    if (tail.torn_bytes > 0) {
      line.torn_bytes = tail.torn_bytes;
      line.torn_hash = view(tail.torn_hash);
    }
    if (tail.lacks_newline) {
      batch_ += '\n';
    }
    chain_.append(batch_, line);
    ++batch_lines_;
    file_.emplace(std::move(file));
    followed_at_ = loop_.now();
  }

  /// The old file's last lines, when a reload names another.
  void leave() {
    if (!file_) {
      return;
    }
    add_sums(loop_.now().time_since_epoch() / second);
    add(own_line(AuditEvent::stop, time_of_turn(), "by a reload"));
    if (write_batch()) {
      note_sync(TrailFile::sync(*file_->descriptor()));
    }
  }

  /// False: nothing of the batch is in the trail, or not durably. The chain stands where the trail ends.
  bool write_batch() {
    const bool ready = has_file();
    if (ready) {
      rotate_if_full();
    }
    const TrailFile::Written written = ready ? file_->append(batch_) : TrailFile::Written{false, 0, problem_};
    if (!written.whole) {
      failed_turn_ = loop_.now();
      note_failure(written.problem);
      lose_batch(written.torn);
      return false;
    }
    written_head_ = chain_.head();
    counters_.lines += batch_lines_;
    batch_.clear();
    batch_lines_ = 0;
    lost_lines_ = 0;
    lost_answers_left_ = false;
    torn_.clear();
    lacks_newline_ = false;
    sums_.commit();
    if (!config_.sync) {
      note_sync(TrailFile::sync(*file_->descriptor()));
    } else {
      arm_sync();
    }
    if (sync_failed_) {
      failed_turn_ = loop_.now();
      return false;
    }
    healthy_ = true;
    problem_.clear();
    return true;
  }

  void lose_batch(std::size_t written) {
    chain_.set_head(written_head_);
    if (written > 0) {
      keep_written_part(std::string_view(batch_).substr(0, written));
    }
    lost_lines_ += batch_lines_;
    lost_answers_left_ = lost_answers_left_ || !is_deny();
    batch_.clear();
    batch_lines_ = 0;
    sums_.rollback(!is_deny());
    arm_second();
  }

  /// A part that could not be cut back: the chain goes on from its last whole line, and what follows it is torn.
  void keep_written_part(std::string_view part) {
    const TrailTail tail = find_tail(part, true);
    if (!tail.head) {
      torn_ += part;
      return;
    }
    written_head_ = *tail.head;
    chain_.set_head(written_head_);
    lacks_newline_ = tail.torn_bytes == 0 && tail.lacks_newline;
    torn_ = tail.torn_bytes > 0 ? part.substr(part.rfind('\n') + 1) : std::string_view();
  }

  /// The file, opened if it could not be before, and the one that its path names: asked for at most once a second.
  bool has_file() {
    const Instant now = loop_.now();
    if (file_ && now - followed_at_ < second) {
      return true;
    }
    if (file_) {
      return follow();
    }
    if (tried_at_ && now - *tried_at_ < second) {
      return false;
    }
    tried_at_ = now;
    Result<TrailFile> file = TrailFile::open(config_.path);
    if (!file) {
      note_failure(file.error().message);
      return false;
    }
    // The batch is of another chain's head than the file's own: it is lost, the next one is not.
    const std::size_t lost = lost_lines_ + batch_lines_;
    batch_.clear();
    batch_lines_ = 0;
    sums_.rollback(true);
    take_up(std::move(*file), version_ + ", " + std::to_string(lost) + " lines could not be written before");
    return true;
  }

  /// False where lines would be lost. An old file that still has a name goes on until the new one can be opened.
  bool follow() {
    followed_at_ = loop_.now();
    const std::shared_ptr<const UniqueFd> old = file_->descriptor();
    const Result<bool> followed = file_->follow();
    if (!followed) {
      note_failure(followed.error().message);
      return file_->is_linked();
    }
    if (*followed) {
      sync_elsewhere(old);
    }
    return true;
  }

  void rotate_if_full() {
    const bool is_full = config_.max_bytes > 0 && file_->is_regular() && file_->size() > 0 &&
                         file_->size() + batch_.size() > config_.max_bytes;
    if (!is_full || (rotated_at_ && loop_.now() - *rotated_at_ < second && rotation_failed_)) {
      return;
    }
    rotated_at_ = loop_.now();
    const std::shared_ptr<const UniqueFd> old = file_->descriptor();
    const Result<void> rotated = file_->rotate(config_.keep);
    rotation_failed_ = !rotated;
    if (!rotated) {
      note_failure(rotated.error().message);
      return;
    }
    sync_elsewhere(old);
  }

  void arm_second() {
    if (!second_timer_.is_armed() && sums_.has_counts()) {
      const std::int64_t now = loop_.now().time_since_epoch() / second;
      second_timer_.arm(Instant(second * (now + 1)));
    }
  }

  void on_second() {
    if (is_off()) {
      return;
    }
    add_sums(loop_.now().time_since_epoch() / second);
    if (!batch_.empty()) {
      write_batch();
    }
    arm_second();
  }

  void arm_sync() {
    if (!syncing_ && !sync_timer_.is_armed() && file_->is_regular()) {
      sync_timer_.arm(loop_.now() + *config_.sync);
    }
  }

  void start_sync() {
    if (file_ && !syncing_) {
      syncing_ = sync_elsewhere(file_->descriptor());
      arm_sync();
    }
  }

  /// On a helper thread, which holds the descriptor meanwhile. False: too much waits for those already.
  bool sync_elsewhere(const std::shared_ptr<const UniqueFd>& descriptor) {
    const auto result = std::make_shared<int>(0);
    const std::uint64_t lines = counters_.lines;
    return loop_.offload([descriptor, result] { *result = TrailFile::sync(*descriptor); },
                         [this, alive = std::weak_ptr<int>(alive_), result, lines] {
                           if (!alive.expired()) {
                             on_synced(*result, lines);
                           }
                         });
  }

  void on_synced(int result, std::uint64_t lines) {
    syncing_ = false;
    note_sync(result);
    if (config_.sync && file_ && (counters_.lines > lines || sync_failed_)) {
      arm_sync();
    }
  }

  void note_sync(int result) {
    const bool failed_before = std::exchange(sync_failed_, result != 0);
    if (sync_failed_) {
      note_failure("audit.path " + config_.path + ": it can't be synced: " + std::generic_category().message(result));
    } else if (failed_before) {
      healthy_ = true;
      problem_.clear();
    }
  }

  void note_failure(std::string problem) {
    ++counters_.failures;
    healthy_ = false;
    problem_ = std::move(problem);
  }

  AuditConfig config_;
  Loop& loop_;
  std::string version_;
  std::optional<TrailFile> file_;
  AuditChain chain_;
  ChainHead written_head_;
  AuditSums sums_;
  std::string batch_;
  std::uint64_t batch_lines_ = 0;
  Instant turn_{};
  WallMicros turn_time_{};
  std::optional<Instant> failed_turn_;

  bool healthy_ = true;
  std::string problem_;
  Counters counters_;
  std::uint64_t lost_lines_ = 0;
  bool lost_answers_left_ = false;
  bool lacks_newline_ = false;
  std::string torn_;  // What the trail ends with since a write that could not be cut back.

  Instant followed_at_{};
  std::optional<Instant> tried_at_;
  std::optional<Instant> rotated_at_;
  bool rotation_failed_ = false;
  bool syncing_ = false;
  bool sync_failed_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // Shared with syncs under way, which may end after this.
  Timer second_timer_;
  Timer sync_timer_;
};

Audit::Audit(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Audit::~Audit() = default;

Result<std::unique_ptr<Audit>> Audit::open(const AuditConfig& config, Loop& loop, std::string_view version) {
  auto state = std::make_unique<State>(config, loop, version);
  if (Result<void> started = state->start(); !started) {
    return std::unexpected(std::move(started.error()));
  }
  return std::unique_ptr<Audit>(new Audit(std::move(state)));
}

void Audit::record(const AuditRecord& record) {
  state_->record(record);
}
bool Audit::flush() {
  return state_->flush();
}
bool Audit::is_healthy() const noexcept {
  return state_->is_healthy();
}
const std::string& Audit::problem() const noexcept {
  return state_->problem();
}
void Audit::reopen() {
  state_->reopen();
}
void Audit::finish() {
  state_->finish();
}
Result<void> Audit::reconfigure(const AuditConfig& config) {
  return state_->reconfigure(config);
}
Audit::Head Audit::head() const {
  return state_->head();
}
Audit::Counters Audit::counters() const noexcept {
  return state_->counters();
}

}  // namespace tantalus
