// Any bytes as the state of a replica: as the file it resumes from, whose checksum is made right,
// and as the planes that a donor sends, of any kind. A state that is taken is saved again as it
// was.
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/schema.hpp"
#include "gpu/replica_state.hpp"

using namespace murmur;

namespace {

constexpr std::size_t kParameters = 3;

const core::Schema& schema() {
  static const core::Schema kSchema("fuzzed", {{"x", {kParameters}, 0, kParameters}});
  return kSchema;
}

gpu::OptimizerSpec optimizer(std::uint8_t which) {
  gpu::OptimizerSpec spec;
  spec.kind = which % 2 == 0 ? gpu::OptimizerKind::kSgd : gpu::OptimizerKind::kAdam;
  if (which % 4 == 0) spec.momentum = 0.0F;
  return spec;
}

void load(const gpu::OptimizerSpec& spec, core::ByteView bytes) {
  core::Bytes sealed(bytes.begin(), bytes.end());
  if (sealed.size() >= sizeof(std::uint32_t)) gpu::seal_state(sealed);
  std::vector<float> arrays((1 + gpu::optimizer_slots(spec)) * kParameters);
  const auto state = gpu::read_state(sealed, schema(), spec, arrays);
  if (!state) return;
  core::Bytes again;
  gpu::begin_state(*state, schema(), spec, again);
  std::memcpy(gpu::state_arrays(again).data(), arrays.data(), arrays.size() * sizeof(float));
  gpu::seal_state(again);
  if (again != sealed) std::abort();
}

void adopt(const gpu::OptimizerSpec& spec, core::ByteView bytes) {
  if (bytes.size() < 2) return;
  core::Snapshot theirs;
  theirs.kind.optimizer = core::Optimizer{static_cast<std::uint8_t>(bytes[0])};
  theirs.kind.planes.clear();
  const auto mask = static_cast<std::uint8_t>(bytes[1]);
  for (std::uint8_t plane = 0; plane < core::kPlaneCount; ++plane) {
    if ((mask >> plane & 1) != 0) theirs.kind.planes.push_back(core::Plane{plane});
  }
  theirs.planes.append(bytes.subspan(2));
  const auto arrays = gpu::adopted_arrays(theirs, gpu::state_kind(spec), schema());
  if (!arrays) return;
  if (arrays->size() != (1 + gpu::optimizer_slots(spec)) * kParameters) std::abort();
  for (const float value : *arrays) {
    if (!std::isfinite(value)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const core::ByteView bytes = std::as_bytes(std::span(data + 2, size - 2));
  (data[0] % 2 == 0 ? load : adopt)(optimizer(data[1]), bytes);
  return 0;
}
