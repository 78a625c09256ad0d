#include "apps/background_writer.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace murmur::apps {

using namespace std::chrono_literals;

struct BackgroundWriter::State {
  State(std::size_t most, Sink to, LeftOut words)
      : bytes_max(most), sink(std::move(to)), left_out(std::move(words)) {}

  const std::size_t bytes_max;
  const Sink sink;
  const LeftOut left_out;

  std::mutex mutex;  ///< of what follows
  std::condition_variable changed;
  std::deque<std::string> waiting;
  std::size_t bytes = 0;  ///< of those that wait
  std::uint64_t missed = 0;
  bool writing = false;
  bool closed = false;

  [[nodiscard]] bool idle() const { return waiting.empty() && missed == 0 && !writing; }
};

BackgroundWriter::BackgroundWriter(std::size_t bytes_max, Sink sink, LeftOut left_out)
    : state_(std::make_shared<State>(bytes_max, std::move(sink), std::move(left_out))),
      thread_([state = state_] { work(*state); }) {}

BackgroundWriter::~BackgroundWriter() {
  finish([] { return false; });
}

bool BackgroundWriter::write(std::string text) {
  const std::lock_guard lock(state_->mutex);
  if (state_->bytes + text.size() > state_->bytes_max) {
    ++state_->missed;
    return false;
  }
  state_->bytes += text.size();
  state_->waiting.push_back(std::move(text));
  state_->changed.notify_all();
  return true;
}

bool BackgroundWriter::idle() const {
  const std::lock_guard lock(state_->mutex);
  return state_->idle();
}

bool BackgroundWriter::finish(const std::function<bool()>& enough) {
  if (!thread_.joinable()) return true;
  bool all = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->closed = true;
    state_->changed.notify_all();
    while (!(all = state_->idle()) && !enough()) state_->changed.wait_for(lock, 100ms);
  }
  if (all) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return all;
}

void BackgroundWriter::work(State& state) {
  std::unique_lock lock(state.mutex);
  while (true) {
    state.changed.wait(lock, [&] { return !state.waiting.empty() || state.closed; });
    if (state.waiting.empty() && state.missed == 0) return;
    // What was missed came after all that waited, so it is said after that.
    std::string text;
    while (!state.waiting.empty()) {
      text += state.waiting.front();
      state.waiting.pop_front();
    }
    state.bytes = 0;
    if (const auto missed = std::exchange(state.missed, 0); missed > 0) {
      text += state.left_out(missed);
    }
    state.writing = true;
    lock.unlock();
    state.sink(text);
    lock.lock();
    state.writing = false;
    state.changed.notify_all();
  }
}

}  // namespace murmur::apps
