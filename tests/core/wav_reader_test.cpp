#include "core/wav_reader.hpp"

#include <cmath>
#include <cstring>
#include <numbers>

#include "core/log_mel.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::core {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_text;
namespace fs = std::filesystem;

std::string little_endian(std::uint32_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::memcpy(text.data(), &value, bytes);
  return text;
}

constexpr std::uint32_t kPcm = 1;
constexpr std::uint32_t kMuLaw = 7;

/// A WAV file of 16 bits a sample (or 8 of mu-law), whatever is claimed of it.
std::string wav(const std::vector<float>& sound, std::uint32_t rate = 8000,
                std::uint32_t coding = kPcm, std::uint32_t channels = 1) {
  const std::uint32_t width = coding == kPcm ? 2 : 1;
  std::string data;
  for (const float x : sound) {
    const auto value = static_cast<std::uint32_t>(std::lround(32767 * x));
    data += little_endian(value, width);
  }
  const auto size = static_cast<std::uint32_t>(data.size());
  std::string file = "RIFF" + little_endian(36 + size, 4) + "WAVEfmt " + little_endian(16, 4) +
                     little_endian(coding, 2) + little_endian(channels, 2) +
                     little_endian(rate, 4) + little_endian(rate * channels * width, 4) +
                     little_endian(channels * width, 2) + little_endian(8 * width, 2) + "data" +
                     little_endian(size, 4);
  return file + data;
}

std::vector<float> tone(double hertz, double seconds, double rate = 8000, double loud = 0.5) {
  std::vector<float> sound(static_cast<std::size_t>(seconds * rate));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const double turns = hertz * static_cast<double>(i) / rate;
    sound[i] = static_cast<float>(loud * std::sin(2 * std::numbers::pi * turns));
  }
  return sound;
}

std::size_t loudest_band(const std::vector<std::uint8_t>& features, std::size_t frame) {
  const auto row = features.begin() + static_cast<std::ptrdiff_t>(frame * kMelBands);
  return static_cast<std::size_t>(
      std::max_element(row, row + static_cast<std::ptrdiff_t>(kMelBands)) - row);
}

TEST_CASE("a higher tone is in a higher band, at every rate in the same pitch's place") {
  std::size_t last = 0;
  for (const double hertz : {200.0, 500.0, 1000.0, 2000.0, 3500.0}) {
    const std::size_t band = loudest_band(log_mel(tone(hertz, 1), 8000), 30);
    INFO(hertz);
    CHECK(band > last);
    last = band;
  }
  // To 8 kHz there are 2840 mel, to 4 kHz 2146.
  const auto wide = log_mel(tone(1000, 1, 16000), 16000);
  CHECK(loudest_band(wide, 30) ==
        static_cast<std::size_t>(
            std::lround((1000.0 - 91.6) / (2840 - 91.6) * static_cast<double>(kMelBands + 1) - 1)));
}

TEST_CASE("the features do not say how loud a recording is, but which of its moments are") {
  CHECK(log_mel(tone(700, 0.5), 8000) == log_mel(tone(700, 0.5, 8000, 0.25), 8000));
  std::vector<float> sound = tone(700, 0.4);
  const std::vector<float> quiet = tone(700, 0.4, 8000, 0.05);
  sound.insert(sound.end(), quiet.begin(), quiet.end());
  const auto features = log_mel(sound, 8000);
  const auto greatest = [&](std::size_t frame) {
    return features[frame * kMelBands + loudest_band(features, frame)];
  };
  // 20 dB of the range of 80.
  CHECK(greatest(15) - greatest(50) == Approx(255.0 / 4).margin(2));
}

TEST_CASE("a short recording lies in the middle of silence, of a long one the middle is taken") {
  const auto brief = log_mel(tone(700, 0.16), 8000);
  CHECK(std::count(brief.begin(), brief.begin() + 27 * kMelBands, 0) == 27 * kMelBands);
  CHECK(brief[32 * kMelBands + loudest_band(brief, 32)] > 240);
  CHECK(std::count(brief.begin() + 40 * kMelBands, brief.end(), 0) == 24 * kMelBands);
  std::vector<float> sound(16000, 0.0F);
  const std::vector<float> word = tone(700, 0.2);
  std::copy(word.begin(), word.end(), sound.begin() + 7200);
  const auto middle = log_mel(sound, 8000);
  CHECK(middle[31 * kMelBands + loudest_band(middle, 31)] > 240);
  CHECK(log_mel(std::vector<float>(100, 0.0F), 8000) ==
        std::vector<std::uint8_t>(kMelFrames * kMelBands, 0));
}

TEST_CASE("files named LABEL_..._INDEX are labelled by their names, the first five held out") {
  const TempDir dir;
  for (int index = 0; index < 8; ++index) {
    for (const char* label : {"one", "two"}) {
      write_text(dir / (std::string(label) + "_ann_" + std::to_string(index) + ".wav"),
                 wav(tone(label[0] == 'o' ? 300 : 2000, 0.3)));
    }
  }
  write_text(dir / "notes.txt", "not a recording");
  const auto data = load_dataset("wav:" + dir.path().string(), 1);
  REQUIRE(data);
  CHECK(data->classes == 2);
  CHECK(data->class_names == std::vector<std::string>{"one", "two"});
  CHECK(data->held_out.rows == 10);
  CHECK(data->train.rows == 6);
  CHECK(data->train.width == kMelFrames * kMelBands);
  CHECK(data->train.labels == std::vector<std::int32_t>{0, 0, 0, 1, 1, 1});
}

TEST_CASE("each folder is a label, and a fifth of each is held out") {
  const TempDir dir;
  for (const char* label : {"left", "right", "_noise_"}) {
    fs::create_directory(dir / label);
    for (int i = 0; i < 10; ++i) {
      write_text(dir / label / ("x" + std::to_string(i) + ".wav"), wav(tone(500, 0.1)));
    }
  }
  const auto data = load_wavs(dir.path(), 1, kClassesMax);
  REQUIRE(data);
  CHECK(data->class_names == std::vector<std::string>{"left", "right"});
  CHECK(data->train.rows == 16);
  CHECK(data->held_out.labels == std::vector<std::int32_t>{0, 0, 1, 1});
  CHECK(load_wavs(dir.path(), 1, 1).error().message.ends_with(": 2 labels > 1"));
}

TEST_CASE("the channels of a recording are heard together") {
  const TempDir dir;
  const std::vector<float> sound = tone(500, 0.2);
  std::vector<float> both;
  for (const float x : sound) both.insert(both.end(), {x, x});
  write_text(dir / "a_9.wav", wav(sound));
  write_text(dir / "b_9.wav", wav(both, 8000, kPcm, 2));
  write_text(dir / "c_0.wav", wav(sound));
  const auto data = load_wavs(dir.path(), 1, kClassesMax);
  REQUIRE(data);
  REQUIRE(data->train.rows == 2);
  const std::size_t width = data->train.width;
  const std::uint8_t* const first = data->train.bytes.row(0, width);
  CHECK(std::equal(first, first + width, data->train.bytes.row(1, width)));
}

TEST_CASE("what is no recording of a word is refused in one line") {
  const auto error = [](const std::string& name, const std::string& file) {
    const TempDir dir;
    write_text(dir / "a_0.wav", wav(tone(500, 0.1)));
    write_text(dir / name, file);
    const auto data = load_wavs(dir.path(), 1, kClassesMax);
    return data ? "(none)" : data.error().message.substr(dir.path().string().size() + 1);
  };
  const std::string good = wav(tone(500, 0.1));
  CHECK(error("a_1.wav", wav(tone(500, 0.1), 8000, kMuLaw)) == "a_1.wav: not a WAV file of PCM");
  CHECK(error("a_1.wav", "RIFF") == "a_1.wav: not a WAV file that can be read");
  CHECK(error("a_1.wav", "") == "a_1.wav: not a WAV file that can be read");
  CHECK(error("a_1.wav", wav({})) == "a_1.wav: no sound in it");
  CHECK(error("a_1.wav", wav(tone(500, 0.1), 16000))
            .starts_with("a_1.wav: 16000 samples a second, but 8000 in "));
  CHECK(error("a_1.wav", wav(tone(500, 0.1), 100)) ==
        "a_1.wav: 100 samples a second are not in 4000..384000");
  CHECK(error("word.wav", good) == "word.wav: no label stands before a '_' in its name");
  CHECK(error("_1.wav", good) == "_1.wav: no label stands before a '_' in its name");
  const TempDir empty;
  CHECK(load_wavs(empty.path(), 1, kClassesMax).error().message ==
        empty.path().string() + ": no .wav in it or its folders");
  CHECK(load_wavs(empty / "none", 1, kClassesMax)
            .error()
            .message.ends_with("none: cannot read: No such file or directory"));
}

}  // namespace
}  // namespace murmur::core
