// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/verify.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "protocol/audit/line.h"
#include "protocol/audit/parse.h"
#include "protocol/audit/pieces.h"

namespace tantalus {
namespace {

using Kind = AuditFinding::Kind;

struct Place {
  std::string file;
  std::uint64_t line = 0;
};

/// Something that is no good line. What it is shows in the line after it.
struct Suspect {
  enum class What : std::uint8_t {
    no_line,     ///< No audit line at all: torn, or written over. Several in a row are one.
    wrong_hash,  ///< A line whose bytes don't have its hash.
    astray,      ///< A good line with the right seq that doesn't follow the one before.
    twin,        ///< A good line that follows what the one before follows: one of the two was put in.
  };
  What what;
  Place place;
  std::uint64_t bytes = 0;   ///< no_line: of the whole region, without its last end of line.
  bool has_newline = false;  ///< no_line: its last line is ended.
  HashText hash{};           ///< twin: its hash.
};

std::string seq_range(std::uint64_t from, std::uint64_t to) {
  return from == to ? "the line with seq " + std::to_string(from) + " is"
                    : "the lines with seq " + std::to_string(from) + " to " + std::to_string(to) + " are";
}

}  // namespace

class AuditVerifier::State {
 public:
  explicit State(std::string_view head) : wanted_head_(head) {}

  bool read(std::istream& in, std::string_view name) {
    LinePieces pieces(in, AuditChain::max_line);
    LinePieces::Piece piece;
    Place place{std::string(name), 0};
    while (!verdict_.finding && pieces.next(piece)) {
      place.line += piece.starts ? 1 : 0;
      if (piece.starts && piece.ends) {
        on_line(piece.bytes, piece.has_newline, place);
      } else {
        on_no_line(piece, place);
      }
    }
    return !verdict_.finding;
  }

  AuditVerdict finish() {
    if (suspect_ && !verdict_.finding) {
      if (suspect_->what == Suspect::What::no_line && !suspect_->has_newline) {
        verdict_.ends_torn = true;
      } else {
        blame_suspect(Kind::changed);
      }
    }
    if (!verdict_.finding && !wanted_head_.empty() && !has_wanted_head_) {
      verdict_.finding = AuditFinding{Kind::no_head,
                                      {},
                                      0,
                                      "no line has the hash that was given as head: the end of the trail was cut off, "
                                      "or its chain was made anew"};
    }
    verdict_.head = verdict_.lines > 0 ? std::string(view(head_.hash)) : std::string();
    verdict_.last_seq = verdict_.lines > 0 ? head_.seq : 0;
    return verdict_;
  }

 private:
  void on_line(std::string_view bytes, bool has_newline, const Place& place) {
    const std::optional<ParsedAuditLine> line = ParsedAuditLine::parse(bytes);
    if (!line) {
      on_no_line({bytes, true, true, has_newline}, place);
      return;
    }
    const HashText hash = sha256_.of(line->hashed_bytes());
    const bool is_good = view(hash) == line->hash();
    if (suspect_) {
      settle(*line, is_good);
    } else if (!is_good) {
      suspect_ = Suspect{Suspect::What::wrong_hash, place};
    } else if (follows(*line)) {
      accept(*line, hash, place);
    } else {
      break_at(*line, hash, place);
    }
    if (settled_) {
      settled_ = false;
      accept(*line, hash, place);
    }
  }

  /// A piece of what is no audit line.
  void on_no_line(const LinePieces::Piece& piece, const Place& place) {
    if (suspect_ && suspect_->what != Suspect::What::no_line) {
      blame_suspect(Kind::changed);
      return;
    }
    if (!suspect_) {
      suspect_ = Suspect{Suspect::What::no_line, place};
    } else if (piece.starts) {
      torn_sha256_.add("\n");
      ++suspect_->bytes;
    }
    torn_sha256_.add(piece.bytes);
    suspect_->bytes += piece.bytes.size();
    suspect_->has_newline = piece.has_newline;
  }

  /// The line after a suspect tells what the suspect is.
  void settle(const ParsedAuditLine& line, bool is_good) {
    const bool skips_suspect = is_good && line.prev() == view(head_.hash) && line.seq() == head_.seq + 1;
    const HashText torn_hash = suspect_->what == Suspect::What::no_line ? torn_sha256_.finish() : HashText{};
    const bool is_named = skips_suspect && line.text("event") == "start" && line.number("torn_bytes").has_value();
    if (is_named && suspect_->what == Suspect::What::no_line && line.number("torn_bytes") == suspect_->bytes &&
        line.text("torn_hash") == view(torn_hash)) {
      suspect_.reset();
      ++verdict_.torn;
      settled_ = true;
      return;
    }
    const bool is_kept_twin = suspect_->what == Suspect::What::twin && is_good && line.prev() == view(suspect_->hash);
    if (is_kept_twin) {
      blame(Kind::put_in, last_place_);
      return;
    }
    blame_suspect(skips_suspect && !is_named ? Kind::put_in : Kind::changed);
  }

  void blame_suspect(Kind kind) {
    if (suspect_->what == Suspect::What::twin) {
      blame(Kind::put_in, suspect_->place);
      return;
    }
    const bool is_before = suspect_->what == Suspect::What::astray && kind == Kind::changed;
    blame(kind, is_before ? last_place_ : suspect_->place);
  }

  [[nodiscard]] bool follows(const ParsedAuditLine& line) const noexcept {
    if (verdict_.lines == 0) {
      return line.seq() > 1 || (line.seq() == 1 && line.prev() == view(ChainHead().hash));
    }
    return line.seq() == head_.seq + 1 && line.prev() == view(head_.hash);
  }

  void accept(const ParsedAuditLine& line, const HashText& hash, const Place& place) {
    if (verdict_.lines == 0) {
      verdict_.first_seq = line.seq();
    }
    ++verdict_.lines;
    before_ = head_;
    head_ = ChainHead(line.seq(), hash);
    last_place_ = place;
    has_wanted_head_ = has_wanted_head_ || view(hash) == wanted_head_;
  }

  /// A line that is good in itself, and is not the next.
  void break_at(const ParsedAuditLine& line, const HashText& hash, const Place& place) {
    if (verdict_.lines == 0) {
      blame(Kind::changed, place);
    } else if (line.seq() == head_.seq && line.prev() == view(before_.hash) && hash != head_.hash) {
      suspect_ = Suspect{Suspect::What::twin, place, 0, false, hash};
    } else if (line.seq() > head_.seq + 1) {
      blame(Kind::missing, place,
            seq_range(head_.seq + 1, line.seq() - 1) + " missing before line " + std::to_string(place.line) +
                asks_for_order(place));
    } else if (line.seq() <= head_.seq) {
      blame(Kind::put_in, place);
    } else if (line.prev() == view(head_.hash)) {
      blame(Kind::changed, place);
    } else {
      suspect_ = Suspect{Suspect::What::astray, place};
    }
  }

  void blame(Kind kind, const Place& place, std::string what = {}) {
    if (what.empty()) {
      what = "line " + std::to_string(place.line) + (kind == Kind::put_in ? " was put in" : " was changed") +
             asks_for_order(place);
    }
    verdict_.finding = AuditFinding{kind, place.file, place.line, std::move(what)};
  }

  [[nodiscard]] static std::string asks_for_order(const Place& place) {
    return place.line == 1 ? " (are the files given oldest first, and none left out?)" : "";
  }

  std::string wanted_head_;
  bool has_wanted_head_ = false;
  ChainHead head_;
  ChainHead before_;
  Place last_place_;
  std::optional<Suspect> suspect_;
  bool settled_ = false;
  Sha256 sha256_;
  Sha256 torn_sha256_;
  AuditVerdict verdict_;
};

AuditVerifier::AuditVerifier(std::string_view head) : state_(std::make_unique<State>(head)) {}
AuditVerifier::AuditVerifier(AuditVerifier&&) noexcept = default;
AuditVerifier::~AuditVerifier() = default;

bool AuditVerifier::read(std::istream& in, std::string_view name) {
  return state_->read(in, name);
}

AuditVerdict AuditVerifier::finish() {
  return state_->finish();
}

Result<AuditVerdict> verify_audit(std::span<const std::string> files, std::optional<std::string_view> head) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (head && (head->size() != std::tuple_size_v<HashText> || !std::ranges::all_of(*head, is_hex))) {
    return fail(Code::invalid_request, "the head is no hash: 64 lower-case hex digits");
  }
  AuditVerifier verifier(head.value_or(""));
  for (const std::string& file : files) {
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!in || in.peek() == std::ifstream::traits_type::eof()) {
      if (!in.is_open() || in.bad()) {
        return fail(Code::invalid_request,
                    file + " can't be read: " + std::generic_category().message(errno != 0 ? errno : EIO));
      }
      in.clear();
    }
    if (!verifier.read(in, file)) {
      break;
    }
  }
  return verifier.finish();
}

}  // namespace tantalus
