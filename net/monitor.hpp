// Monitor: what ZeroMQ says happened to one socket's connections (zmq_socket_monitor). What is said
// waits without limit, for ZeroMQ's own thread would block at one: take() often.
// Thread rule: the thread of the socket that is watched, which outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <zmq.hpp>

namespace murmur::net {

class Monitor {
 public:
  /// `events`: ZMQ_EVENT_... joined by |. Throws zmq::error_t.
  Monitor(zmq::context_t& context, zmq::socket_t& watched, int events);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// All that was said since. `value` is a descriptor, or the reason of a failure.
  void take(const std::function<void(int event, int value)>& each);
  [[nodiscard]] void* socket() { return heard_.handle(); }

 private:
  zmq::socket_t& watched_;
  zmq::socket_t heard_;
};

}  // namespace murmur::net
