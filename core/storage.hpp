// Where a peer keeps what must outlive it: its identity, its boot count and its checkpoint.
// FileStorage keeps them in a directory; MemoryStorage keeps them in memory, for a peer without
// --state and for the simulator.
// Thread rule: identity(), start() and load() before the peer runs; save() from the compute lane
// only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "core/bytes.hpp"
#include "core/ids.hpp"
#include "core/keys.hpp"
#include "core/result.hpp"

namespace murmur::core {

struct Identity {
  PeerId id;
  Boot boot = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  /// Who this is and how often it has started; nothing before the first start. Error: it cannot be
  /// told, so there must be no start.
  virtual Result<std::optional<Identity>> identity() const = 0;
  /// Counts a start: reads the id (keeping `fresh` where there is none yet) and raises the boot
  /// count, durably, before it returns.
  virtual Result<Identity> start(PeerId fresh) = 0;
  /// Raises the boot count past `past`, durably, in the midst of a run.
  virtual Result<Boot> raise_boot(Boot past) = 0;
  /// The newest checkpoint that is whole, or nothing if none was ever saved. Error: there are
  /// checkpoints but none is whole.
  virtual Result<std::optional<Bytes>> load() = 0;
  /// Replaces the checkpoint atomically.
  virtual Result<void> save(ByteView checkpoint) = 0;
  /// Keeps a checkpoint aside, under `name`, for a person to put back; where nothing outlives the
  /// process, nothing is kept.
  virtual Result<void> keep(std::string_view name, ByteView checkpoint) = 0;
};

class MemoryStorage : public Storage {
 public:
  Result<std::optional<Identity>> identity() const override;
  Result<Identity> start(PeerId fresh) override;
  Result<Boot> raise_boot(Boot past) override;
  Result<std::optional<Bytes>> load() override;
  Result<void> save(ByteView checkpoint) override;
  Result<void> keep(std::string_view name, ByteView checkpoint) override;

 private:
  Identity identity_;
  std::optional<Bytes> checkpoint_;
};

/// DIR/identity.key (core/key_files.hpp), DIR/identity.json (core/identity_file.hpp),
/// DIR/checkpoint.0 and .1 (the two newest, each with a length and a CRC-32C), whatever is kept
/// beside them under its name, DIR/lock (held while a process uses the directory). Every write goes
/// to a temporary file, is fsynced, renamed, and the directory fsynced.
class FileStorage : public Storage {
 public:
  /// Error: cannot create or write the directory, or another process holds it.
  static Result<std::unique_ptr<FileStorage>> open(const std::filesystem::path& directory);
  ~FileStorage() override;

  /// The key pair that is this peer: of DIR/identity.key, which is made of `fresh` if nobody has
  /// started here yet. Before start(), whose id is that of these keys. Error: it cannot be used, is
  /// missing (as in a folder of before there were keys), or is not of the id in identity.json.
  Result<KeyPair> keys(const SecretKey& fresh);

  Result<std::optional<Identity>> identity() const override;
  Result<Identity> start(PeerId fresh) override;
  Result<Boot> raise_boot(Boot past) override;
  Result<std::optional<Bytes>> load() override;
  Result<void> save(ByteView checkpoint) override;
  Result<void> keep(std::string_view name, ByteView checkpoint) override;

 private:
  FileStorage(std::filesystem::path directory, int lock_fd);
  std::filesystem::path directory_;
  int lock_fd_;
  std::uint64_t generation_ = 0;
};

}  // namespace murmur::core
