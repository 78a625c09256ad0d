// Any bytes as each of the files in a state folder: the first byte says which.
#include "core/file_io.hpp"
#include "core/key_files.hpp"
#include "core/storage.hpp"
#include "tests/fuzz/temporary.hpp"

using namespace murmur;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const core::ByteView bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 4) {
    case 0:
      (void)core::read_identity_key(fuzz::written("identity.key", bytes));
      (void)core::read_swarm_key(fuzz::written("swarm.key", bytes));
      break;
    case 1: {
      const auto file = fuzz::written("checkpoint.0", bytes);
      if (auto storage = core::FileStorage::open(fuzz::folder())) (void)(*storage)->load();
      std::filesystem::remove(file);
      break;
    }
    case 2:
      (void)core::gunzip(bytes, 1 << 20, "input");
      break;
    default: {
      const auto file = fuzz::written("identity.json", bytes);
      if (auto storage = core::FileStorage::open(fuzz::folder())) (void)(*storage)->identity();
      std::filesystem::remove(file);
    }
  }
  return 0;
}
