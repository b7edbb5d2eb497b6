// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/offload.h"

#include <signal.h>

#include <utility>

#include "protocol/error.h"

namespace tantalus {
namespace {

// Of address space: a page is taken when it is touched. Name look-ups (NSS modules) want some room.
constexpr std::size_t stack_size = std::size_t{512} * 1024;

}  // namespace

void OffloadThreads::stop() {
  std::deque<Job> dropped;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  for (const pthread_t thread : threads_) {
    pthread_join(thread, nullptr);
  }
  threads_.clear();
}

bool OffloadThreads::submit(Function work, Function done) {
  bool needs_thread = false;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || waiting_.size() >= max_waiting) {
      return false;
    }
    waiting_.push_back({std::move(work), std::move(done)});
    needs_thread = waiting_.size() > idle_ && threads_.size() < max_threads;
  }
  // A second thread that can't be had only makes things slower; without a first one nothing would ever end.
  if (needs_thread && !start_thread() && threads_.empty()) {
    const std::scoped_lock lock(mutex_);
    waiting_.pop_back();
    return false;
  }
  changed_.notify_one();
  return true;
}

void OffloadThreads::collect() {
  std::vector<Job> ended;
  {
    const std::scoped_lock lock(mutex_);
    ended.swap(finished_);
  }
  for (Job& job : ended) {
    job.done();
  }
}

bool OffloadThreads::start_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_size);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // A thread inherits it: signals are the loop thread's.
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, &OffloadThreads::run_thread, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    return false;
  }
  pthread_setname_np(thread, "offload");
  threads_.push_back(thread);
  return true;
}

void* OffloadThreads::run_thread(void* self) {
  static_cast<OffloadThreads*>(self)->work_until_stopped();
  return nullptr;
}

void OffloadThreads::work_until_stopped() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_) {
      return;
    }
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job.work();
    lock.lock();
    finished_.push_back(std::move(job));
    if (!stopping_) {
      wake_();
    }
  }
}

}  // namespace tantalus
