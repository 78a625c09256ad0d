// `murmur eval`: how good a saved model is on held-out data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/dataset.hpp"
#include "core/result.hpp"
#include "gpu/predictor.hpp"

namespace murmur::apps {

struct Assessment {
  double loss = 0;      ///< mean over all rows and positions
  double accuracy = 0;  ///< NaN where there are no classes
  /// How often a class was told as which, of data with a class a row.
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> told;
};

/// `samples` fit the model that is asked (gpu::check_data()), and have rows.
Assessment assess(gpu::Predictor& predictor, const core::Samples& samples, std::size_t classes);

/// The exit status. Error: no such model, data or device, or they do not fit.
core::Result<int> run_eval(const std::vector<std::string>& args);

}  // namespace murmur::apps
