#include "core/parts.hpp"

#include <memory>

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

/// Bytes that differ from one place to the next.
Bytes counted(std::size_t size, std::size_t first = 0) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((first + i) % 251);
  return bytes;
}

Payload payload(std::size_t size, std::size_t first = 0) {
  return std::make_shared<Bytes>(counted(size, first));
}

Bytes whole(const Parts& parts) {
  Bytes bytes(parts.size());
  parts.copy_to(bytes);
  return bytes;
}

TEST_CASE("what is read from parts is the part itself where it can be") {
  const Payload first = payload(5000);
  const Payload second = payload(6000, 5000);
  Parts parts;
  parts.append(first);
  parts.append(second);
  CHECK(parts.size() == 11000);
  CHECK(parts.read(0, 5000) == first);
  CHECK(parts.read(5000, 9000) == second);
  CHECK(*parts.read(10, 9000) == counted(4990, 10));
  CHECK(*parts.read(5010, 100) == counted(100, 5010));
  CHECK(whole(parts) == counted(11000));
  const Parts copy = parts;
  CHECK(copy.read(0, 5000) == first);
}

TEST_CASE("what is copied in is cut") {
  const Bytes bytes = counted(2 * Parts::kSize + 1);
  Parts parts;
  parts.append(bytes);
  CHECK(parts.size() == bytes.size());
  CHECK(parts.read(0, bytes.size())->size() == Parts::kSize);
  CHECK(parts.read(2 * Parts::kSize, bytes.size())->size() == 1);
  CHECK(whole(parts) == bytes);
}

TEST_CASE("small parts are joined, so that many of them take no more memory than they say") {
  Parts parts;
  for (std::size_t i = 0; i < 10'000; ++i) parts.append(payload(1, i));
  CHECK(whole(parts) == counted(10'000));
  CHECK(parts.read(0, 10'000)->size() == 4096);
  parts.append(Payload());
  CHECK(parts.size() == 10'000);
}

TEST_CASE("parts are cut off where the size says") {
  Parts parts;
  parts.append(payload(5000));
  parts.append(payload(6000, 5000));
  parts.truncate(20'000);
  CHECK(parts.size() == 11'000);
  const std::size_t size = GENERATE(7000, 5000, 4999, 0);
  parts.truncate(size);
  CHECK(whole(parts) == counted(size));
}

TEST_CASE("a part does not hold a buffer far larger than it is") {
  Bytes used(1 << 20);
  used.resize(5000);
  const auto spacious = std::make_shared<const Bytes>(std::move(used));
  Parts parts;
  parts.append(spacious);
  CHECK(spacious.use_count() == 1);
  CHECK(parts.read(0, 5000)->capacity() == 5000);
  const Payload exact = payload(5000);
  parts.append(exact);
  CHECK(exact.use_count() == 2);
}

TEST_CASE("of parts some bytes may be copied, wherever they lie") {
  Parts parts;
  parts.append(payload(5000));
  parts.append(payload(6000, 5000));
  parts.append(payload(7000, 11000));
  const auto copied = [&parts](std::size_t from, std::size_t size) {
    Bytes some(size);
    parts.copy_to(some, from);
    return some;
  };
  CHECK(copied(0, 5001) == counted(5001));
  CHECK(copied(4999, 6002) == counted(6002, 4999));
  CHECK(copied(5000, 6000) == counted(6000, 5000));
  CHECK(copied(17'999, 1) == counted(1, 17'999));
  CHECK(copied(18'000, 0).empty());
}

}  // namespace
}  // namespace murmur::core
