// SPDX-License-Identifier: Apache-2.0
#include <uv.h>

#include <utility>

#include "agent/loop/loop.h"
#include "agent/loop/state.h"

namespace tantalus {

struct FdWatch::State {
  State(Loop::State& its_loop, Callback callback) : loop(its_loop), on_ready(std::move(callback)) {}

  void start();
  void on_event(int status, int uv_events);

  uv_poll_t poll{};
  Loop::State& loop;
  Callback on_ready;
  unsigned wanted = none;
  bool is_started = false;  // libuv stops a handle by itself when its descriptor is in error.
  bool is_closing = false;
};

FdWatch::FdWatch(Loop& loop, int fd, Callback on_ready) : state_(new State(loop.state(), std::move(on_ready))) {
  check(uv_poll_init(state_->loop.uv(), &state_->poll, fd) == 0, "a descriptor that can't be watched, or is already");
  state_->poll.data = state_;
}

FdWatch::~FdWatch() {
  state_->is_closing = true;
  // Forgets the descriptor at once, so that its owner may close it; the rest goes at the end of the turn.
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->poll),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void FdWatch::want(unsigned events) {
  if (events == state_->wanted && (state_->is_started || events == none)) {
    return;
  }
  state_->wanted = events;
  if (events != none) {
    state_->start();
    return;
  }
  state_->is_started = false;
  uv_poll_stop(&state_->poll);
}

void FdWatch::State::start() {
  const int uv_events = ((wanted & readable) != 0 ? UV_READABLE : 0) | ((wanted & writable) != 0 ? UV_WRITABLE : 0) |
                        ((wanted & hangup) != 0 ? UV_DISCONNECT : 0);
  const auto deliver = [](uv_poll_t* handle, int status, int events) {
    static_cast<State*>(handle->data)->on_event(status, events);
  };
  check(uv_poll_start(&poll, uv_events, deliver) == 0, "two watches of one descriptor");
  is_started = true;
}

void FdWatch::State::on_event(int status, int uv_events) {
  loop.enter_turn();
  unsigned events = ((uv_events & UV_READABLE) != 0 ? readable : 0U) |
                    ((uv_events & UV_WRITABLE) != 0 ? writable : 0U) | ((uv_events & UV_DISCONNECT) != 0 ? hangup : 0U);
  if (status < 0) {
    is_started = false;
    events = (wanted & (readable | writable)) | hangup;
  }
  on_ready(events);
  // Still here when it was destroyed meanwhile: closing takes until the end of the turn.
  if (!is_closing && !is_started && wanted != none) {
    start();
  }
}

}  // namespace tantalus
