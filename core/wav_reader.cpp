#include "core/wav_reader.hpp"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/file_io.hpp"
#include "core/log_mel.hpp"
#include "core/split.hpp"

namespace murmur::core {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileMax = std::size_t{1} << 28;
constexpr int kRateMax = 384'000;
constexpr int kChannelsMax = 64;
constexpr std::uint64_t kIndicesHeldOut = 5;

/// What libsndfile reads from: the house opens files elsewhere.
struct Memory {
  ByteView bytes;
  sf_count_t at = 0;
};

SF_VIRTUAL_IO memory_calls() {
  SF_VIRTUAL_IO calls{};
  calls.get_filelen = [](void* self) {
    return static_cast<sf_count_t>(static_cast<Memory*>(self)->bytes.size());
  };
  calls.seek = [](sf_count_t offset, int whence, void* self) {
    auto& memory = *static_cast<Memory*>(self);
    const auto size = static_cast<sf_count_t>(memory.bytes.size());
    const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.at : size;
    memory.at = std::clamp<sf_count_t>(from + offset, 0, size);
    return memory.at;
  };
  calls.read = [](void* to, sf_count_t count, void* self) {
    auto& memory = *static_cast<Memory*>(self);
    const auto left = static_cast<sf_count_t>(memory.bytes.size()) - memory.at;
    const sf_count_t taken = std::clamp<sf_count_t>(count, 0, left);
    std::memcpy(to, memory.bytes.data() + memory.at, static_cast<std::size_t>(taken));
    memory.at += taken;
    return taken;
  };
  calls.write = [](const void*, sf_count_t, void*) { return sf_count_t{0}; };
  calls.tell = [](void* self) { return static_cast<Memory*>(self)->at; };
  return calls;
}

bool is_pcm_wav(int format) {
  const int type = format & SF_FORMAT_TYPEMASK;
  const int coding = format & SF_FORMAT_SUBMASK;
  const bool pcm = coding == SF_FORMAT_PCM_U8 || coding == SF_FORMAT_PCM_16 ||
                   coding == SF_FORMAT_PCM_24 || coding == SF_FORMAT_PCM_32;
  return pcm && (type == SF_FORMAT_WAV || type == SF_FORMAT_WAVEX);
}

/// The coding that the `fmt ` chunk names; nothing: it is no WAV file. Known before libsndfile
/// looks at it, which tries every format that it has, and some of those say aloud what they miss.
std::optional<std::uint16_t> coding_of(ByteView file) {
  const auto text_at = [file](std::size_t at) {
    return std::string_view(reinterpret_cast<const char*>(file.data()) + at, 4);
  };
  constexpr std::size_t kHead = 12;
  constexpr std::size_t kChunkHead = 8;
  if (file.size() < kHead || text_at(0) != "RIFF" || text_at(8) != "WAVE") return std::nullopt;
  for (std::size_t at = kHead; file.size() - at >= kChunkHead + sizeof(std::uint16_t);) {
    std::uint32_t size = 0;
    std::memcpy(&size, file.data() + at + 4, sizeof size);
    if (text_at(at) == "fmt ") {
      std::uint16_t coding = 0;
      std::memcpy(&coding, file.data() + at + kChunkHead, sizeof coding);
      return coding;
    }
    const std::size_t step = kChunkHead + std::size_t{size} + size % 2;
    if (step > file.size() - at) break;
    at += step;
  }
  return std::nullopt;
}

struct Sound {
  std::vector<float> samples;  ///< the mean of its channels
  int rate = 0;
};

Result<Sound> read_wav(const fs::path& path) {
  const auto file = read_file(path, kFileMax);
  if (!file) return tl::make_unexpected(file.error());
  const auto bad = [&path](const std::string& what) {
    return fail(fmt::format("{}: {}", path.string(), what));
  };
  constexpr std::uint16_t kPcm = 1;
  constexpr std::uint16_t kExtensible = 0xfffe;
  const auto coding = coding_of(*file);
  if (!coding) return bad("not a WAV file that can be read");
  if (*coding != kPcm && *coding != kExtensible) return bad("not a WAV file of PCM");
  Memory memory{*file};
  SF_VIRTUAL_IO calls = memory_calls();
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> sound(
      sf_open_virtual(&calls, SFM_READ, &info, &memory), sf_close);
  if (!sound) return bad("not a WAV file that can be read");
  if (!is_pcm_wav(info.format)) return bad("not a WAV file of PCM");
  if (info.samplerate < kMelRateMin || info.samplerate > kRateMax) {
    return bad(fmt::format("{} samples a second are not in {}..{}", info.samplerate, kMelRateMin,
                           kRateMax));
  }
  if (info.channels > kChannelsMax) {
    return bad(fmt::format("{} channels > {}", info.channels, kChannelsMax));
  }
  const auto channels = static_cast<std::size_t>(info.channels);
  // As many as the bytes that are there can hold, whatever the header claims.
  const auto claimed = static_cast<std::size_t>(std::max<sf_count_t>(info.frames, 0));
  const std::size_t frames = std::min(claimed, file->size() / channels);
  std::vector<float> all(frames * channels);
  const sf_count_t read = sf_readf_float(sound.get(), all.data(), static_cast<sf_count_t>(frames));
  if (read <= 0) return bad("no sound in it");
  Sound mean{std::vector<float>(static_cast<std::size_t>(read)), info.samplerate};
  for (std::size_t i = 0; i < mean.samples.size(); ++i) {
    for (std::size_t c = 0; c < channels; ++c) mean.samples[i] += all[i * channels + c];
    mean.samples[i] /= static_cast<float>(channels);
  }
  return mean;
}

bool is_wav(const fs::directory_entry& entry) {
  const std::string suffix = entry.path().extension().string();
  return (suffix == ".wav" || suffix == ".WAV") && entry.is_regular_file();
}

struct Recording {
  std::string label;
  fs::path path;
};

/// In an order that is the same everywhere. Error: the folder cannot be read.
Result<std::vector<fs::directory_entry>> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    entries.push_back(*at);
  }
  if (error) return fail(fmt::format("{}: cannot read: {}", folder.string(), error.message()));
  std::sort(entries.begin(), entries.end());
  return entries;
}

Result<std::vector<Recording>> named_by_file(const std::vector<fs::directory_entry>& entries) {
  std::vector<Recording> all;
  for (const fs::directory_entry& entry : entries) {
    if (!is_wav(entry)) continue;
    const std::string name = entry.path().filename().string();
    const auto end = name.find('_');
    if (end == 0 || end == std::string::npos) {
      return fail(
          fmt::format("{}: no label stands before a '_' in its name", entry.path().string()));
    }
    all.push_back({name.substr(0, end), entry.path()});
  }
  return all;
}

Result<std::vector<Recording>> named_by_folder(const std::vector<fs::directory_entry>& entries) {
  std::vector<Recording> all;
  for (const fs::directory_entry& entry : entries) {
    const std::string label = entry.path().filename().string();
    if (!entry.is_directory() || label.starts_with('_')) continue;
    const auto within = entries_of(entry.path());
    if (!within) return tl::make_unexpected(within.error());
    for (const fs::directory_entry& file : *within) {
      if (is_wav(file)) all.push_back({label, file.path()});
    }
  }
  return all;
}

/// The number after the last '_' of its name.
std::optional<std::uint64_t> index_of(const Recording& recording) {
  const std::string stem = recording.path.stem().string();
  const char* const begin = stem.data() + stem.rfind('_') + 1;
  const char* const end = stem.data() + stem.size();
  std::uint64_t index = 0;
  const auto [stop, error] = std::from_chars(begin, end, index);
  return error == std::errc() && stop == end ? std::optional(index) : std::nullopt;
}

/// The rows with index 0 to 4; empty where that is nobody's rule here.
std::vector<bool> held_by_index(const std::vector<Recording>& all) {
  std::vector<bool> held;
  for (const Recording& recording : all) {
    const auto index = index_of(recording);
    if (!index) return {};
    held.push_back(*index < kIndicesHeldOut);
  }
  const bool both = std::find(held.begin(), held.end(), true) != held.end() &&
                    std::find(held.begin(), held.end(), false) != held.end();
  return both ? held : std::vector<bool>();
}

Result<Samples> features_of(const std::vector<Recording>& all,
                            const std::vector<std::string>& labels) {
  Samples samples;
  samples.width = kMelFrames * kMelBands;
  samples.scale = 1.0F / 255.0F;
  std::vector<std::uint8_t> bytes;
  int rate = 0;
  for (const Recording& recording : all) {
    const auto sound = read_wav(recording.path);
    if (!sound) return tl::make_unexpected(sound.error());
    if (rate == 0) rate = sound->rate;
    if (sound->rate != rate) {
      return fail(fmt::format("{}: {} samples a second, but {} in {}", recording.path.string(),
                              sound->rate, rate, all.front().path.string()));
    }
    const auto features = log_mel(sound->samples, rate);
    bytes.insert(bytes.end(), features.begin(), features.end());
    const auto label = std::lower_bound(labels.begin(), labels.end(), recording.label);
    samples.labels.push_back(static_cast<std::int32_t>(label - labels.begin()));
  }
  samples.rows = all.size();
  samples.bytes = std::move(bytes);
  return samples;
}

}  // namespace

Result<Dataset> load_wavs(const fs::path& folder, std::uint64_t seed, std::size_t classes_max) {
  const auto entries = entries_of(folder);
  if (!entries) return tl::make_unexpected(entries.error());
  const bool flat = std::any_of(entries->begin(), entries->end(), is_wav);
  const auto all = flat ? named_by_file(*entries) : named_by_folder(*entries);
  if (!all) return tl::make_unexpected(all.error());
  if (all->empty()) return fail(fmt::format("{}: no .wav in it or its folders", folder.string()));
  std::vector<std::string> labels;
  for (const Recording& recording : *all) labels.push_back(recording.label);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  if (labels.size() > classes_max) {
    return fail(fmt::format("{}: {} labels > {}", folder.string(), labels.size(), classes_max));
  }
  const auto samples = features_of(*all, labels);
  if (!samples) return tl::make_unexpected(samples.error());
  const std::vector<bool> held = flat ? held_by_index(*all) : std::vector<bool>();
  auto data = held.empty() ? split_by_class("wav", *samples, labels.size(), seed)
                           : split_as_told("wav", *samples, labels.size(), held);
  if (data) data->class_names = std::move(labels);
  return data;
}

}  // namespace murmur::core
