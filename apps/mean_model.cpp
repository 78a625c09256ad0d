#include "apps/mean_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "apps/training.hpp"
#include "core/safetensors.hpp"
#include "core/spread.hpp"
#include "gpu/device.hpp"
#include "gpu/replica_spec.hpp"

namespace murmur::apps {

MeanModel mean_of(const std::vector<std::vector<float>>& replicas) {
  const auto mean = core::mean(replicas.size(), replicas.front().size(),
                               [&replicas](std::size_t i, std::span<float> out) {
                                 std::copy(replicas[i].begin(), replicas[i].end(), out.begin());
                               });
  return {replicas.size(), {mean.begin(), mean.end()}};
}

core::Result<core::Evaluation> evaluate_mean(const PeerOptions& options, const MeanModel& mean) {
  const auto device = gpu::choose_device(options.device);
  if (!device) return tl::make_unexpected(device.error());
  const auto task = load_task(options.training);
  if (!task) return tl::make_unexpected(task.error());
  // It does not train, so one row is enough of what it would train on; a text is cut into rows
  // where it is used, and small.
  const std::array<std::uint32_t, 1> first{0};
  const auto train = task->train->tokens.empty()
                         ? std::make_shared<const core::Samples>(task->train->select(first))
                         : task->train;
  gpu::ReplicaSpec spec = replica_spec(*task, options.training, train, 0, options.threads);
  spec.optimizer.schedule = {};
  spec.initial = std::make_shared<const std::vector<float>>(mean.parameters);
  const auto replica = gpu::make_replica(spec, *device);
  if (!replica) return tl::make_unexpected(replica.error());
  return (*replica)->evaluate();
}

core::Result<void> write_mean(const std::filesystem::path& path, const core::Schema& schema,
                              const MeanModel& mean) {
  return core::write_safetensors(path, schema, mean.parameters,
                                 {{"mean_of", fmt::format("{} replicas", mean.replicas)}});
}

}  // namespace murmur::apps
