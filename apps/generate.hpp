// `murmur generate`: text from a saved language model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/saved_model.hpp"
#include "core/result.hpp"
#include "gpu/device.hpp"

namespace murmur::apps {

struct Sampling {
  std::size_t length = 500;  ///< tokens, which are bytes
  double temperature = 0.8;  ///< 0: always the likeliest
  std::uint64_t seed = 1;
};

/// What follows `prompt`; the same seed gives the same. Error: the model is none of text, or the
/// device cannot be used.
core::Result<std::string> continuation(const SavedModel& saved, std::string_view prompt,
                                       const Sampling& sampling, int threads,
                                       const gpu::DeviceChoice& device);

/// The exit status. Error: no such model or device, or the model is none of text.
core::Result<int> run_generate(const std::vector<std::string>& args);

}  // namespace murmur::apps
