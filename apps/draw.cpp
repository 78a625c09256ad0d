#include "apps/draw.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace murmur::apps {

core::Result<core::KeyBytes> draw_secret() {
  core::KeyBytes bytes;
  ssize_t n = -1;
  do {  // so few come whole or not at all
    n = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(bytes.size())) return bytes;
  return core::fail("cannot draw a secret: " + std::generic_category().message(errno));
}

}  // namespace murmur::apps
