#include "core/file_io.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace murmur::core {
namespace {

std::string errno_text() { return std::generic_category().message(errno); }

/// Closes a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  /// 0, or -1 with errno.
  int close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 ? 0 : ::close(fd);
  }

 private:
  int fd_;
};

/// Calls `call` until no signal interrupts it.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

constexpr mode_t kForAll = 0644;
constexpr mode_t kForOwner = 0600;

int open_file(const std::filesystem::path& path, int flags, mode_t mode = kForAll) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
}

bool sync(int fd) {
  return uninterrupted([&] { return ::fsync(fd); }) == 0;
}

bool write_all(int fd, ByteView data) {
  while (!data.empty()) {
    const ssize_t n = uninterrupted([&] { return ::write(fd, data.data(), data.size()); });
    if (n < 0) return false;
    data = data.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool sync_directory(const std::filesystem::path& directory) {
  const Descriptor fd(open_file(directory, O_RDONLY | O_DIRECTORY));
  return fd.get() >= 0 && sync(fd.get());
}

Result<Bytes> read_file_for(const std::filesystem::path& path, std::size_t bytes_max,
                            bool owner_alone) {
  const auto failed = [&path] {
    return fail(fmt::format("{}: cannot read: {}", path.string(), errno_text()));
  };
  const Descriptor fd(open_file(path, O_RDONLY));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return failed();
  if (const mode_t mode = info.st_mode & 0777; owner_alone && (mode & ~kForOwner) != 0) {
    return fail(fmt::format("{}: a secret that others may use, of mode {:04o} (chmod 600 {})",
                            path.string(), mode, path.string()));
  }
  // The size is a hint (a pipe has none); what is read decides.
  const auto hint = static_cast<std::size_t>(std::max<off_t>(info.st_size, 0));
  Bytes bytes(std::min(hint, bytes_max) + 1);
  std::size_t size = 0;
  while (true) {
    const ssize_t n =
        uninterrupted([&] { return ::read(fd.get(), bytes.data() + size, bytes.size() - size); });
    if (n < 0) return failed();
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > bytes_max) {
      return fail(fmt::format("{}: more than {} bytes", path.string(), bytes_max));
    }
    if (size == bytes.size()) bytes.resize(std::min(2 * size, bytes_max + 1));
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  return read_file_for(path, bytes_max, /*owner_alone=*/false);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<std::shared_ptr<const MappedFile>> map_file(const std::filesystem::path& path,
                                                   std::size_t bytes_max) {
  const auto failed = [&path] {
    return fail(fmt::format("{}: cannot read: {}", path.string(), errno_text()));
  };
  const Descriptor fd(open_file(path, O_RDONLY));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return failed();
  if (!S_ISREG(info.st_mode)) return fail(fmt::format("{}: not a file", path.string()));
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > bytes_max) {
    return fail(fmt::format("{}: more than {} bytes", path.string(), bytes_max));
  }
  if (size == 0) return std::make_shared<const MappedFile>(ByteView());
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return failed();
  return std::make_shared<const MappedFile>(ByteView(static_cast<const std::byte*>(data), size));
}

Result<Bytes> read_secret_file(const std::filesystem::path& path, std::size_t bytes_max) {
  return read_file_for(path, bytes_max, /*owner_alone=*/true);
}

namespace {

bool is_gzip(ByteView bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

/// What the end of a gzip stream says of its size (RFC 1952, ISIZE: of the last member, modulo
/// 2^32), as far as so many bytes can have become it.
std::size_t claimed_size(ByteView compressed) {
  constexpr std::size_t kRatioMax = 1032;  // deflate's
  std::uint32_t size = 0;
  if (compressed.size() < sizeof size) return 0;
  for (std::size_t i = 0; i < sizeof size; ++i) {
    size = size << 8 | std::to_integer<std::uint32_t>(compressed[compressed.size() - 1 - i]);
  }
  return std::min<std::size_t>(size, compressed.size() * kRatioMax);
}

}  // namespace

Result<Bytes> gunzip(ByteView compressed, std::size_t bytes_max, const std::string& name) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;  // the largest window; +16 asks for the gzip wrapper
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return fail(name + ": zlib cannot start");
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } const end{&stream};

  constexpr std::size_t kStep = std::size_t{1} << 20;  // also keeps zlib's 32-bit lengths safe
  Bytes out;
  out.reserve(std::min(claimed_size(compressed), bytes_max) + 1);
  std::size_t size = 0;
  std::size_t taken = 0;
  while (true) {
    if (size == out.size()) {
      const std::size_t room = size < out.capacity() ? out.capacity() - size : kStep;
      out.resize(std::min(size + std::min(room, kStep), bytes_max + 1));
    }
    const std::size_t room = std::min(out.size() - size, kStep);
    const std::size_t left = std::min(compressed.size() - taken, kStep);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data() + taken));
    stream.avail_in = static_cast<uInt>(left);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    taken += left - stream.avail_in;
    size += room - stream.avail_out;
    if (size > bytes_max) {
      return fail(fmt::format("{}: more than {} bytes when decompressed", name, bytes_max));
    }
    if (status == Z_STREAM_END) {
      if (taken == compressed.size()) break;
      inflateReset(&stream);  // another member follows
      continue;
    }
    if (status == Z_OK) continue;
    if (status == Z_BUF_ERROR && taken == compressed.size()) {
      return fail(fmt::format("{}: gzip data ends early, after {} bytes", name, taken));
    }
    return fail(fmt::format("{}: damaged gzip data near byte {}", name, taken));
  }
  out.resize(size);
  return out;
}

Result<Bytes> read_data_file(const std::filesystem::path& path, std::size_t bytes_max) {
  auto bytes = read_file(path, bytes_max);
  if (!bytes) return bytes;
  return is_gzip(*bytes) ? gunzip(*bytes, bytes_max, path.string()) : std::move(bytes);
}

Result<SharedBytes> map_data_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const auto file = map_file(path, bytes_max);
  if (!file) return tl::make_unexpected(file.error());
  const ByteView bytes = (*file)->bytes();
  if (!is_gzip(bytes)) return SharedBytes{*file, bytes, true};
  auto unpacked = gunzip(bytes, bytes_max, path.string());
  if (!unpacked) return tl::make_unexpected(unpacked.error());
  const auto owner = std::make_shared<const Bytes>(std::move(*unpacked));
  return SharedBytes{owner, *owner, false};
}

std::filesystem::path temporary_of(const std::filesystem::path& path) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  return temporary;
}

Result<void> write_file_atomically(const std::filesystem::path& path,
                                   std::span<const ByteView> parts) {
  const std::filesystem::path temporary = temporary_of(path);
  const auto failed = [&] {
    auto error = fail(fmt::format("{}: cannot write: {}", path.string(), errno_text()));
    ::unlink(temporary.c_str());
    return error;
  };
  Descriptor fd(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC));
  if (fd.get() < 0) return failed();
  for (const ByteView part : parts) {
    if (!write_all(fd.get(), part)) return failed();
  }
  if (!sync(fd.get())) return failed();
  fd.close();  // what is synced can no longer fail
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  const std::filesystem::path parent = path.parent_path();
  if (!sync_directory(parent.empty() ? "." : parent)) {
    return fail(fmt::format("{}: cannot sync its folder: {}", path.string(), errno_text()));
  }
  return {};
}

Result<void> create_secret_file(const std::filesystem::path& path, ByteView bytes) {
  const std::filesystem::path temporary = temporary_of(path);
  const auto failed = [&] {
    auto error =
        fail(errno == EEXIST ? fmt::format("{}: it is there already, and stays", path.string())
                             : fmt::format("{}: cannot write: {}", path.string(), errno_text()));
    ::unlink(temporary.c_str());
    return error;
  };
  ::unlink(temporary.c_str());  // one of before may be of another mode
  Descriptor fd(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, kForOwner));
  if (fd.get() < 0 || !write_all(fd.get(), bytes) || !sync(fd.get())) return failed();
  fd.close();
  if (::link(temporary.c_str(), path.c_str()) != 0) return failed();
  ::unlink(temporary.c_str());
  const std::filesystem::path parent = path.parent_path();
  if (!sync_directory(parent.empty() ? "." : parent)) {
    return fail(fmt::format("{}: cannot sync its folder: {}", path.string(), errno_text()));
  }
  return {};
}

Result<void> append_lines(const std::filesystem::path& path, std::string_view lines) {
  const auto failed = [&path] {
    return fail(fmt::format("{}: cannot write: {}", path.string(), errno_text()));
  };
  Descriptor fd(open_file(path, O_RDWR | O_CREAT | O_APPEND));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return failed();
  char last = '\n';
  if (info.st_size > 0 && ::pread(fd.get(), &last, 1, info.st_size - 1) < 0) return failed();
  const std::string_view ending = last == '\n' || lines.empty() ? "" : "\n";
  for (const std::string_view part : {ending, lines}) {
    if (write_all(fd.get(), std::as_bytes(std::span(part)))) continue;
    auto error = failed();
    // If even this fails, the next call ends the line.
    static_cast<void>(::ftruncate(fd.get(), info.st_size) == 0);
    return error;
  }
  return fd.close() == 0 ? Result<void>() : failed();
}

}  // namespace murmur::core
