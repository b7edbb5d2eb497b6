// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/debug.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <list>
#include <string>
#include <utility>

#include "agent/observe/http.h"
#include "agent/observe/operators.h"
#include "agent/observe/routes.h"
#include "protocol/limits.h"

namespace tantalus {
namespace {

constexpr std::size_t most_operators = 64;
/// Others than operators are told so, a few at a time, and take no operator's place.
constexpr std::size_t most_strangers = 8;
constexpr int accepts_a_wake = 8;
constexpr std::size_t input_room = 16 * limits::KiB;
constexpr std::chrono::seconds request_time(10);
constexpr std::chrono::seconds idle_time(60);
/// After the last answer what the peer still sends is discarded this long, so that the answer arrives (trap 134).
constexpr std::chrono::seconds linger_time(1);
constexpr std::chrono::seconds sweep_period(1);

}  // namespace

class DebugServer::State {
 public:
  State(Loop& loop, UniqueFd listener, Inspect& inspect, const Options& options)
      : loop_(loop),
        inspect_(inspect),
        gate_(options.group),
        listener_(std::move(listener)),
        sweep_(loop, [this] { sweep(); }),
        watch_(loop, listener_.get(), [this](unsigned) { accept_some(); }) {
    watch_.want(FdWatch::readable);
  }

  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

 private:
  class Connection;
  using Place = std::list<Connection>::iterator;

  void accept_some();
  void accept_one(UniqueFd socket);
  void sweep();
  void remove(Connection& connection);

  Loop& loop_;
  Inspect& inspect_;
  OperatorGate gate_;
  UniqueFd listener_;
  std::list<Connection> connections_;
  std::size_t strangers_ = 0;
  Timer sweep_;
  FdWatch watch_;
};

/// One caller. Reads a request, answers it, one a turn, in order; never more than one answer waits to be sent.
class DebugServer::State::Connection {
 public:
  Connection(State& server, UniqueFd socket, std::optional<Operator> who)
      : server_(server),
        socket_(std::move(socket)),
        who_(who),
        deadline_(server.loop_.now() + request_time),
        watch_(server.loop_, socket_.get(), [this](unsigned events) { on_ready(events); }) {
    watch_.want(FdWatch::readable);
  }

  [[nodiscard]] bool is_operator() const noexcept { return who_.has_value(); }
  [[nodiscard]] int socket() const noexcept { return socket_.get(); }

  /// False: its time is over and it is to be closed.
  bool keep_time(Instant now) {
    if (now < deadline_) {
      return true;
    }
    if (stage_ != Stage::serving || !parser_.is_amid_request() || !output_.empty()) {
      return false;
    }
    finish_with(http_error(408, "no whole request within 10 s"));
    return go_on();
  }

  /// Answers and ends, whatever was asked.
  void finish_with(const HttpResponse& response) {
    output_ += to_bytes(response, false, false);
    stage_ = Stage::finishing;
    deadline_ = server_.loop_.now() + request_time;
  }

 private:
  enum class Stage : std::uint8_t { serving, finishing, lingering };

  void on_ready(unsigned events) {
    const bool may_read = (events & (FdWatch::readable | FdWatch::hangup)) != 0;
    if ((may_read && !receive()) || !go_on()) {
      server_.remove(*this);
    }
  }

  /// False: nothing more can be read or sent.
  bool receive() {
    if (stage_ == Stage::serving && input_.size() >= input_room) {
      return true;
    }
    std::array<char, input_room> buffer{};
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      if (stage_ == Stage::serving) {
        input_.append(buffer.data(), static_cast<std::size_t>(got));
      }
      return true;
    }
    if (got == 0) {
      has_ended_ = true;
      return stage_ != Stage::lingering;
    }
    return errno == EAGAIN || errno == EINTR;
  }

  /// Serves at most one request, sends what there is, and says what to wait for. False: done.
  bool go_on() {
    if (stage_ == Stage::serving && output_.empty()) {
      serve_one();
    }
    if (!flush()) {
      return false;
    }
    if (output_.empty() && stage_ == Stage::finishing) {
      stage_ = Stage::lingering;
      deadline_ = server_.loop_.now() + linger_time;
      ::shutdown(socket_.get(), SHUT_WR);
    }
    if (has_ended_ && output_.empty() && input_.empty()) {
      return false;
    }
    const bool has_work = !output_.empty() || (stage_ == Stage::serving && !input_.empty());
    const bool wants_more = !has_ended_ && (stage_ == Stage::lingering || (!has_work && stage_ == Stage::serving));
    watch_.want((has_work ? FdWatch::writable : 0U) | (wants_more ? FdWatch::readable : 0U));
    return true;
  }

  void serve_one() {
    const bool was_amid_request = parser_.is_amid_request();
    const HttpParser::Progress progress = parser_.feed(input_);
    input_.erase(0, progress.consumed);
    if (progress.outcome == HttpParser::Outcome::refused) {
      input_.clear();
      finish_with(http_error(progress.status, progress.why));
      return;
    }
    if (progress.outcome == HttpParser::Outcome::more) {
      if (!was_amid_request && parser_.is_amid_request()) {
        deadline_ = server_.loop_.now() + request_time;
      }
      return;
    }
    answer(parser_.take());
  }

  void answer(const HttpRequest& request) {
    const HttpResponse response = who_ ? answer_operator(request, server_.inspect_, *who_)
                                       : http_error(403,
                                                    "operators only: root or the group of listen.debug_group, "
                                                    "from the host or the agent's own container");
    const bool stays = request.keep_alive && who_;
    output_ = to_bytes(response, stays, request.method == "HEAD");
    stage_ = stays ? Stage::serving : Stage::finishing;
    if (!stays) {
      input_.clear();
    }
    deadline_ = server_.loop_.now() + request_time;
  }

  /// False: the peer is gone.
  bool flush() {
    while (!output_.empty()) {
      const ssize_t sent = ::send(socket_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);  // trap 34
      if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      output_.erase(0, static_cast<std::size_t>(sent));
      deadline_ = server_.loop_.now() + (output_.empty() ? idle_time : request_time);
    }
    return true;
  }

  State& server_;
  UniqueFd socket_;
  std::optional<Operator> who_;
  Stage stage_ = Stage::serving;
  bool has_ended_ = false;  ///< The peer sends no more; its requests are still answered (trap 33).
  HttpParser parser_;
  std::string input_;
  std::string output_;
  Instant deadline_;
  FdWatch watch_;  // Last: it goes before its descriptor is closed.
};

void DebugServer::State::accept_some() {
  for (int i = 0; i < accepts_a_wake; ++i) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      accept_one(std::move(socket));
      continue;
    }
    const bool is_short_of_something = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (is_short_of_something) {  // The queue stays readable: without a rest this would spin (trap 25).
      watch_.want(FdWatch::none);
      sweep_.arm(loop_.now() + sweep_period);
    }
    return;
  }
}

void DebugServer::State::accept_one(UniqueFd socket) {
  auto who = gate_.admit(socket.get());
  if (!who && who.error().code != Code::permission_denied) {
    return;  // Gone, or can't be told.
  }
  const bool is_full = who ? connections_.size() - strangers_ >= most_operators : strangers_ >= most_strangers;
  if (is_full) {
    const std::string bytes = to_bytes(http_error(503, "too many connections to the debug socket"), false, false);
    static_cast<void>(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));  // trap 26
    return;
  }
  strangers_ += who ? 0 : 1;
  connections_.emplace_back(*this, std::move(socket), who ? std::optional<Operator>(*who) : std::nullopt);
  if (!sweep_.is_armed()) {
    sweep_.arm(loop_.now() + sweep_period);
  }
}

void DebugServer::State::sweep() {
  const Instant now = loop_.now();
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection& connection = *it++;
    if (!connection.keep_time(now)) {
      remove(connection);
    }
  }
  watch_.want(FdWatch::readable);
  if (!connections_.empty()) {
    sweep_.arm(now + sweep_period);
  }
}

void DebugServer::State::remove(Connection& connection) {
  strangers_ -= connection.is_operator() ? 0 : 1;
  connections_.remove_if([&](const Connection& other) { return &other == &connection; });
}

DebugServer::DebugServer(Loop& loop, UniqueFd listener, Inspect& inspect, Options options)
    : state_(std::make_unique<State>(loop, std::move(listener), inspect, options)) {}
DebugServer::~DebugServer() = default;
std::size_t DebugServer::connections() const noexcept {
  return state_->connections();
}

}  // namespace tantalus
