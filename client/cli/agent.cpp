// SPDX-License-Identifier: Apache-2.0
#include "client/cli/agent.h"

#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace tantalus::cli {
namespace {

constexpr std::int64_t longest_pause_ms = 2000;

std::int64_t now_ms() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

std::span<const std::byte> value_of(const tantalus_secret& secret) noexcept {
  return std::as_bytes(std::span(tantalus_secret_data(&secret), tantalus_secret_size(&secret)));
}

Backoff::Backoff(std::optional<Millis> lasts) : end_ms_(now_ms()), forever_(lasts == Millis::max()) {
  if (lasts && !forever_) {
    end_ms_ += lasts->count();
  }
}

bool Backoff::sleep(Millis at_least) {
  const std::int64_t left = forever_ ? std::numeric_limits<std::int64_t>::max() : end_ms_ - now_ms();
  if (left <= 0) {
    return false;
  }
  std::uint32_t chance = 0;
  if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) < 0) {
    chance = 0;  // A kernel that has just booted: then all wait the least, which is no worse than asking once.
  }
  const std::int64_t half = pause_ms_ / 2;
  const std::int64_t jittered = half + std::int64_t{chance} % (half + 1);
  const std::int64_t pause = std::min(std::max(jittered, std::int64_t{at_least.count()}), left);
  pause_ms_ = std::min(pause_ms_ * 2, longest_pause_ms);
  timespec rest{pause / 1000, pause % 1000 * 1'000'000};
  while (nanosleep(&rest, &rest) != 0) {
  }
  return true;
}

Outcome<Agent> Agent::make(const Common& common) {
  Agent agent(tantalus_client_new());
  if (agent.client_ == nullptr) {
    return std::unexpected(Problem{exit_code::internal, "start", "no memory", ""});
  }
  tantalus_error error{};
  if (common.socket && tantalus_client_set_socket(agent.client_.get(), common.socket->c_str(), &error) != TANTALUS_OK) {
    return std::unexpected(agent_problem("--socket", error.status, error.message));
  }
  if (common.token &&
      tantalus_client_set_token_file(agent.client_.get(), common.token->c_str(), &error) != TANTALUS_OK) {
    return std::unexpected(agent_problem("--token", error.status, error.message));
  }
  if (tantalus_client_set_name(agent.client_.get(), "tantalus/" TANTALUS_VERSION_TEXT, &error) != TANTALUS_OK) {
    return std::unexpected(agent_problem("start", error.status, error.message));
  }
  agent.wait_ = common.wait;
  const char* const wait = std::getenv("TANTALUS_WAIT");
  if (!agent.wait_ && wait != nullptr && *wait != '\0') {
    agent.wait_ = duration_from_text(wait);
    if (!agent.wait_) {
      return std::unexpected(Problem{exit_code::usage, "TANTALUS_WAIT", "is a duration, such as 30s or 5m",
                                     "Unset it, or set it to a duration."});
    }
  }
  agent.max_age_ = common.max_age ? std::int64_t{common.max_age->count()} : TANTALUS_ANY_AGE;
  return agent;
}

std::vector<Answer> Agent::resolve(std::span<const Argument> arguments) {
  std::vector<Answer> answers(arguments.size());
  for (std::size_t begin = 0; begin < arguments.size(); begin += TANTALUS_MAX_BATCH) {
    const std::size_t count = std::min<std::size_t>(TANTALUS_MAX_BATCH, arguments.size() - begin);
    const std::span<const Argument> asked = arguments.subspan(begin, count);
    const std::span<Answer> told = std::span(answers).subspan(begin, count);
    Backoff backoff(wait_);
    // What was answered stays answered: only what may come right is asked again.
    std::vector<std::size_t> open(count);
    for (std::size_t i = 0; i < count; ++i) {
      open[i] = i;
    }
    while (true) {
      std::vector<Argument> again;
      for (const std::size_t i : open) {
        again.push_back(asked[i]);
      }
      std::vector<Answer> results(open.size());
      resolve_some(again, results);
      std::vector<std::size_t> retryable;
      std::uint32_t at_least = 0;
      for (std::size_t i = 0; i < open.size(); ++i) {
        if (tantalus_status_is_retryable(results[i].status) != 0) {
          retryable.push_back(open[i]);
          at_least = std::max(at_least, results[i].retry_after_ms);
        }
        told[open[i]] = std::move(results[i]);
      }
      open = std::move(retryable);
      if (open.empty() || !backoff.sleep(Millis(at_least))) {
        break;
      }
    }
  }
  return answers;
}

void Agent::resolve_some(std::span<const Argument> arguments, std::span<Answer> answers) {
  tantalus_error error{};
  if (arguments.size() == 1) {
    tantalus_secret* secret = nullptr;
    answers[0].status = tantalus_resolve(client_.get(), arguments[0].uri.c_str(), max_age_, &secret, &error);
    answers[0].secret.reset(secret);
    answers[0].why = error.message;
    answers[0].retry_after_ms = error.retry_after_ms;
    return;
  }
  std::vector<const char*> uris;
  for (const Argument& argument : arguments) {
    uris.push_back(argument.uri.c_str());
  }
  tantalus_reply* raw = nullptr;
  const tantalus_status status = tantalus_resolve_many(client_.get(), uris.data(), uris.size(), max_age_, &raw, &error);
  const ReplyHandle reply(raw);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    answers[i].status = status == TANTALUS_OK ? tantalus_reply_status(raw, i, &error) : status;
    if (answers[i].status != TANTALUS_OK) {
      answers[i].why = error.message;
      answers[i].retry_after_ms = error.retry_after_ms;
    } else {
      answers[i].secret.reset(tantalus_reply_take_secret(raw, i));
    }
  }
}

template <class Ask>
Outcome<ReplyHandle> Agent::ask(const std::string& what, Ask ask) {
  Backoff backoff(wait_);
  while (true) {
    tantalus_reply* reply = nullptr;
    tantalus_error error{};
    const tantalus_status status = ask(client_.get(), &reply, &error);
    if (status == TANTALUS_OK) {
      return ReplyHandle(reply);
    }
    if (tantalus_status_is_retryable(status) == 0 || !backoff.sleep(Millis(error.retry_after_ms))) {
      return std::unexpected(agent_problem(what, status, error.message));
    }
  }
}

Outcome<ReplyHandle> Agent::explain(const Argument& argument) {
  return ask(argument.written, [&](tantalus_client* client, tantalus_reply** reply, tantalus_error* error) {
    return tantalus_explain(client, argument.uri.c_str(), reply, error);
  });
}

Outcome<ReplyHandle> Agent::list(const char* scope, const char* source) {
  return ask("list", [&](tantalus_client* client, tantalus_reply** reply, tantalus_error* error) {
    return tantalus_list(client, scope, source, reply, error);
  });
}

Outcome<ReplyHandle> Agent::whoami() {
  return ask("whoami", [](tantalus_client* client, tantalus_reply** reply, tantalus_error* error) {
    return tantalus_whoami(client, reply, error);
  });
}

Outcome<void> Agent::ping() {
  Outcome<ReplyHandle> asked = ask("ping", [](tantalus_client* client, tantalus_reply**, tantalus_error* error) {
    return tantalus_ping(client, error);
  });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return {};
}

Outcome<ReplyHandle> Agent::subscribe(std::span<const Argument> arguments) {
  std::vector<const char*> uris;
  for (const Argument& argument : arguments) {
    uris.push_back(argument.uri.c_str());
  }
  return ask("watch", [&](tantalus_client* client, tantalus_reply** reply, tantalus_error* error) {
    return tantalus_subscribe(client, uris.data(), uris.size(), reply, error);
  });
}

Outcome<ReplyHandle> Agent::next_change() {
  Backoff backoff(Millis::max());
  while (true) {
    tantalus_reply* reply = nullptr;
    tantalus_error error{};
    const tantalus_status status = tantalus_next_change(client_.get(), TANTALUS_NO_TIMEOUT, &reply, &error);
    if (status == TANTALUS_OK) {
      return ReplyHandle(reply);
    }
    if (tantalus_status_is_retryable(status) == 0) {
      return std::unexpected(agent_problem("watch", status, error.message));
    }
    static_cast<void>(backoff.sleep(Millis(error.retry_after_ms)));
  }
}

}  // namespace tantalus::cli
