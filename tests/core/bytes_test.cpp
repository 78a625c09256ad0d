#include "core/bytes.hpp"

#include <string_view>

#include "tests/catch.hpp"

namespace murmur::core {
namespace {

ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST_CASE("crc32c gives the Castagnoli check value") {
  CHECK(crc32c(bytes_of("123456789")) == 0xE3069283U);
  CHECK(crc32c({}) == 0);
}

TEST_CASE("crc32c of two pieces continues to that of the whole") {
  CHECK(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))) == 0xE3069283U);
}

TEST_CASE("a pool hands a dropped payload's memory out again") {
  BufferPool pool;
  Bytes first = pool.take();
  first.resize(1000);
  const std::byte* const memory = first.data();
  Payload payload = pool.share(std::move(first));
  const Payload second_holder = payload;
  payload.reset();
  CHECK(pool.take().capacity() == 0);  // still held
  CHECK(view(second_holder).size() == 1000);
  const_cast<Payload&>(second_holder).reset();
  const Bytes again = pool.take();
  CHECK(again.empty());
  CHECK(again.data() == memory);
}

TEST_CASE("a pool keeps no more than it was told to") {
  BufferPool pool(1);
  for (int i = 0; i < 2; ++i) {
    Bytes a = pool.take();
    Bytes b = pool.take();
    a.resize(10);
    b.resize(10);
    const Payload pa = pool.share(std::move(a));
    const Payload pb = pool.share(std::move(b));
  }
  CHECK(pool.take().capacity() >= 10);
  CHECK(pool.take().capacity() == 0);
}

TEST_CASE("a payload may outlive its pool") {
  Payload payload;
  {
    BufferPool pool;
    payload = pool.share(Bytes(5, std::byte{7}));
  }
  CHECK(payload->at(4) == std::byte{7});
}

}  // namespace
}  // namespace murmur::core
