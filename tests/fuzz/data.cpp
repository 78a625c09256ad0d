// Any bytes as what a person has prepared: a table, tensors, a text, a recording. The first byte
// says which. What is refused is refused in words; what is taken can be looked at.
#include <cstdlib>

#include "core/csv_reader.hpp"
#include "core/tensors_reader.hpp"
#include "core/text.hpp"
#include "core/wav_reader.hpp"
#include "tests/fuzz/temporary.hpp"

using namespace murmur;

namespace {

void look_at(const core::Samples& samples) {
  std::vector<float> features(samples.width);
  for (std::size_t row = 0; row < samples.rows; ++row) samples.read_features(row, features);
}

void look_at(const core::Result<core::Dataset>& data) {
  if (!data && data.error().message.empty()) std::abort();
  if (!data) return;
  look_at(data->train);
  look_at(data->held_out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const core::ByteView bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 5) {
    case 0:
      if (const auto table = core::parse_csv(bytes, "x", 10)) look_at(*table);
      break;
    case 1:
      if (const auto table = core::parse_csv_targets(bytes, "x")) look_at(*table);
      break;
    case 2:
      look_at(core::load_tensors(fuzz::written("x.safetensors", bytes), 1, 10));
      break;
    case 3:
      look_at(core::load_text(fuzz::written("text", bytes)));
      break;
    default: {
      // A second one, so that one is left to train on.
      const auto first = fuzz::written("a_0.wav", bytes);
      const auto second = fuzz::written("a_9.wav", bytes);
      look_at(core::load_wavs(fuzz::folder(), 1, 10));
      std::filesystem::remove(first);
      std::filesystem::remove(second);
    }
  }
  return 0;
}
