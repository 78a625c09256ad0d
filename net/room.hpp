// Room: what the system lets this process have of what ZeroMQ needs, which aborts the process when
// it gets no descriptor or thread for its own: so it is looked at before.
// Thread rule: any thread; it raises the process's limit of open descriptors.
#pragma once

#include <cstddef>

#include "core/result.hpp"

namespace murmur::net {

/// How many connections outwards may be held, of `wanted`, each with a monitor if `watched`, once
/// the process may open as many descriptors as it is allowed to. Error, one line: too few for any,
/// or no thread can be started.
core::Result<std::size_t> room_for_connections(std::size_t wanted, bool watched);

}  // namespace murmur::net
