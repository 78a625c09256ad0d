// A checkpoint file is a header of 32 bytes, little-endian, and the checkpoint:
//   0 magic "MURMURCK"   8 generation u64   16 length u64   24 format u32
//   28 CRC-32C of bytes 0..27 and the checkpoint
// Generation g lives in slot g mod 2, so a save replaces the older of the two.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/file_io.hpp"
#include "core/identity_file.hpp"
#include "core/key_files.hpp"
#include "core/storage.hpp"

namespace murmur::core {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::array<char, 8> kMagic{'M', 'U', 'R', 'M', 'U', 'R', 'C', 'K'};
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kCheckpointMax = std::size_t{16} << 30;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;
  std::uint32_t format = kFormat;
  std::uint32_t crc = 0;
};
static_assert(sizeof(Header) == 32);

std::uint32_t checksum(const Header& header, ByteView body) {
  const ByteView covered = std::as_bytes(std::span(&header, 1)).first(offsetof(Header, crc));
  return crc32c(body, crc32c(covered));
}

Result<void> write(const std::filesystem::path& path, std::uint64_t generation,
                   ByteView checkpoint) {
  Header header;
  header.generation = generation;
  header.length = checkpoint.size();
  header.crc = checksum(header, checkpoint);
  const std::array<ByteView, 2> parts{std::as_bytes(std::span(&header, 1)), checkpoint};
  return write_file_atomically(path, parts);
}

std::filesystem::path slot_path(const std::filesystem::path& directory, std::uint64_t generation) {
  return directory / fmt::format("checkpoint.{}", generation % 2);
}

struct Slot {
  bool exists = false;
  std::uint64_t generation = 0;
  std::optional<Bytes> checkpoint;  ///< null unless whole
};

Slot read_slot(const std::filesystem::path& path) {
  Slot slot;
  std::error_code error;
  slot.exists = std::filesystem::exists(path, error) || error;
  auto file = slot.exists ? read_file(path, kCheckpointMax) : fail("");
  if (!file || file->size() < sizeof(Header)) return slot;
  Header header;
  std::memcpy(&header, file->data(), sizeof header);
  const ByteView body = ByteView(*file).subspan(sizeof header);
  if (header.magic != kMagic || header.format != kFormat || header.generation == 0 ||
      header.length != body.size() || header.crc != checksum(header, body)) {
    return slot;
  }
  slot.generation = header.generation;
  slot.checkpoint.emplace(body.begin(), body.end());
  return slot;
}

}  // namespace

Result<std::unique_ptr<FileStorage>> FileStorage::open(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return fail(fmt::format("{}: cannot create: {}", directory.string(), error.message()));
  }
  const auto lock = directory / "lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(fmt::format("{}: cannot write: {}", directory.string(),
                            std::generic_category().message(errno)));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = std::generic_category().message(errno);
    ::close(fd);
    return fail(held ? fmt::format("{}: another process is using it", directory.string())
                     : fmt::format("{}: cannot lock: {}", lock.string(), why));
  }
  auto storage = std::unique_ptr<FileStorage>(new FileStorage(directory, fd));
  for (const std::uint64_t generation : {0, 1}) {
    const Slot slot = read_slot(slot_path(directory, generation));
    storage->generation_ = std::max(storage->generation_, slot.generation);
  }
  return storage;
}

FileStorage::FileStorage(std::filesystem::path directory, int lock_fd)
    : directory_(std::move(directory)), lock_fd_(lock_fd) {}

FileStorage::~FileStorage() { ::close(lock_fd_); }

Result<std::optional<Identity>> FileStorage::identity() const {
  const auto path = directory_ / "identity.json";
  std::error_code error;  // what cannot be looked at is not taken for absent
  if (std::filesystem::exists(path, error) || error) return read_identity(path);
  if (generation_ == 0) return std::nullopt;
  // A new id on an old checkpoint would reuse what neighbours know under the old one.
  return fail(fmt::format("{}: missing beside a checkpoint; remove {} to start a new peer",
                          path.string(), directory_.string()));
}

Result<KeyPair> FileStorage::keys(const SecretKey& fresh) {
  const auto path = directory_ / "identity.key";
  const auto last = identity();
  if (!last) return tl::make_unexpected(last.error());
  std::error_code error;  // what cannot be looked at is not taken for absent
  if (!std::filesystem::exists(path, error) && !error) {
    if (*last) {
      return fail(fmt::format(
          "{}: missing beside identity.json, and no other can take its place; remove {} to start a "
          "new peer",
          path.string(), directory_.string()));
    }
    if (auto created = create_identity_key(path, fresh); !created) {
      return tl::make_unexpected(created.error());
    }
  }
  const auto secret = read_identity_key(path);
  if (!secret) return tl::make_unexpected(secret.error());
  const KeyPair keys = key_pair(*secret);
  if (*last && (*last)->id != peer_id(keys.shown)) {
    return fail(fmt::format("{}: of peer {}, but identity.json is of peer {}", path.string(),
                            to_string(peer_id(keys.shown)), to_string((*last)->id)));
  }
  return keys;
}

Result<Identity> FileStorage::start(PeerId fresh) {
  const auto last = identity();
  if (!last) return tl::make_unexpected(last.error());
  Identity now = last->value_or(Identity{fresh, 0});
  ++now.boot;
  if (auto written = write_identity(directory_ / "identity.json", now); !written) {
    return tl::make_unexpected(written.error());
  }
  return now;
}

Result<Boot> FileStorage::raise_boot(Boot past) {
  const auto last = identity();
  if (!last) return tl::make_unexpected(last.error());
  if (!*last) return fail(fmt::format("{}: no identity in it", directory_.string()));
  Identity now = **last;
  now.boot = std::max(now.boot, past) + 1;
  if (auto written = write_identity(directory_ / "identity.json", now); !written) {
    return tl::make_unexpected(written.error());
  }
  return now.boot;
}

Result<std::optional<Bytes>> FileStorage::load() {
  std::array<Slot, 2> slots{read_slot(slot_path(directory_, 0)),
                            read_slot(slot_path(directory_, 1))};
  Slot& newest = slots[slots[1].generation > slots[0].generation ? 1 : 0];
  if (newest.checkpoint) {
    generation_ = newest.generation;
    return std::move(newest.checkpoint);
  }
  if (slots[0].exists || slots[1].exists) {
    return fail(fmt::format("{}: no checkpoint in it is whole", directory_.string()));
  }
  return std::nullopt;
}

Result<void> FileStorage::save(ByteView checkpoint) {
  const std::uint64_t generation = generation_ + 1;
  if (auto written = write(slot_path(directory_, generation), generation, checkpoint); !written) {
    return written;
  }
  generation_ = generation;
  return {};
}

Result<void> FileStorage::keep(std::string_view name, ByteView checkpoint) {
  return write(directory_ / name, 1, checkpoint);
}

}  // namespace murmur::core
