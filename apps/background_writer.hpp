// A thread that writes what others must not wait for: a disk that hangs, a terminal that is stopped
// or a pipe that nobody reads keeps it waiting, and nobody else.
//
// Thread rule: write() and idle() from any thread; the rest on the thread that made it.
// Invariant: at most `bytes_max` wait, beside as many that are being written. What comes then is
// left out and counted, and a line that says how much was left out takes its place once there is
// room.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace murmur::apps {

class BackgroundWriter {
 public:
  /// Writes; may block. It must not refer to what may end before a thread that never comes back.
  using Sink = std::function<void(std::string_view text)>;
  /// The text that stands for `texts` that were left out.
  using LeftOut = std::function<std::string(std::uint64_t texts)>;

  BackgroundWriter(std::size_t bytes_max, Sink sink, LeftOut left_out);
  /// Waits for what waits to be written, unless it was abandoned.
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Never waits. False: left out.
  bool write(std::string text);
  /// True if nothing waits and nothing is being written.
  [[nodiscard]] bool idle() const;
  /// Waits until all is written, or until `enough` says so, which is asked ten times a second; then
  /// what still waits is abandoned. False: something was.
  bool finish(const std::function<bool()>& enough);

 private:
  struct State;
  static void work(State& state);
  std::shared_ptr<State> state_;  ///< the thread's too, which may outlive this
  std::thread thread_;
};

}  // namespace murmur::apps
