#include "net/monitor.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace murmur::net {

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& watched, int events)
    : watched_(watched), heard_(context, zmq::socket_type::pair) {
  const std::string address = fmt::format("inproc://monitor-{}", watched.handle());
  heard_.set(zmq::sockopt::rcvhwm, 0);
  heard_.set(zmq::sockopt::linger, 0);
  if (zmq_socket_monitor(watched.handle(), address.c_str(), events) != 0) throw zmq::error_t();
  heard_.connect(address);
}

Monitor::~Monitor() { zmq_socket_monitor(watched_.handle(), nullptr, 0); }

void Monitor::take(const std::function<void(int event, int value)>& each) {
  zmq::message_t frame;
  const auto receive = [&] {
    for (;;) {
      if (zmq_msg_recv(frame.handle(), heard_.handle(), ZMQ_DONTWAIT) >= 0) return true;
      if (errno != EINTR) return false;
    }
  };
  while (receive()) {
    std::uint16_t event = 0;
    std::int32_t value = 0;
    const bool whole = frame.size() == sizeof event + sizeof value;
    if (whole) {
      std::memcpy(&event, frame.data(), sizeof event);
      std::memcpy(&value, static_cast<const char*>(frame.data()) + sizeof event, sizeof value);
    }
    while (frame.more() && receive()) {
    }
    if (whole) each(event, value);
  }
}

}  // namespace murmur::net
