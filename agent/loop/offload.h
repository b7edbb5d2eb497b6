// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

namespace tantalus {

/// The threads behind Loop::offload(): at most two, so that a look-up does not wait for an fsync(2) that hangs. Started
/// when there is something to do, with small stacks and every signal blocked. libuv's pool is not used: it starts four
/// threads at its first job, and takes their number from the environment.
class OffloadThreads {
 public:
  using Function = std::move_only_function<void()>;
  static constexpr std::size_t max_threads = 2;
  static constexpr std::size_t max_waiting = 256;

  /// `wake` is called on a helper thread when something has ended; it must make the loop call collect() soon.
  explicit OffloadThreads(std::function<void()> wake) : wake_(std::move(wake)) {}
  ~OffloadThreads() { stop(); }
  OffloadThreads(const OffloadThreads&) = delete;
  OffloadThreads& operator=(const OffloadThreads&) = delete;

  [[nodiscard]] bool submit(Function work, Function done);
  /// Calls the `done` of what has ended. Loop thread.
  void collect();
  /// Waits for the jobs that run, and drops the others and every `done`. Nothing is accepted or woken afterwards.
  void stop();

 private:
  struct Job {
    Function work;  // Destroyed on the loop thread, with its `done`.
    Function done;
  };

  static void* run_thread(void* self);
  void work_until_stopped();
  [[nodiscard]] bool start_thread();

  const std::function<void()> wake_;
  std::vector<pthread_t> threads_;  // Loop thread only.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;  // The rest: under mutex_.
  std::vector<Job> finished_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace tantalus
