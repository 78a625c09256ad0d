#include "core/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/rng.hpp"

namespace murmur::core {
namespace {

constexpr std::size_t kHeldOutEvery = 5;

}  // namespace

Result<Dataset> split_as_told(std::string name, const Samples& all, std::size_t classes,
                              const std::vector<bool>& held) {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> held_out;
  for (std::uint32_t row = 0; row < all.rows; ++row) (held[row] ? held_out : train).push_back(row);
  if (train.empty()) return fail(fmt::format("{}: one row is too few to train on", name));
  return Dataset{std::move(name), all.select(train), all.select(held_out), classes};
}

Result<Dataset> split_by_place(std::string name, const Samples& all, std::size_t classes) {
  std::vector<bool> held(all.rows);
  for (std::size_t row = 0; row < all.rows; row += kHeldOutEvery) held[row] = true;
  return split_as_told(std::move(name), all, classes, held);
}

Result<Dataset> split_by_class(std::string name, const Samples& all, std::size_t classes,
                               std::uint64_t seed) {
  auto of_class = rows_by_class(all, classes);
  std::vector<std::uint32_t> drawn;
  std::vector<std::uint32_t> only;  // of their class
  for (std::size_t label = 0; label < classes; ++label) {
    auto& rows = of_class[label];
    Rng rng(seed, label, "held out");
    shuffle(rows, rng);
    auto& to = rows.size() == 1 ? only : drawn;
    to.insert(to.end(), rows.begin(), rows.end());
  }
  if (drawn.empty()) drawn = std::move(only);
  std::vector<bool> held(all.rows);
  for (std::size_t i = 0; i < drawn.size(); i += kHeldOutEvery) held[drawn[i]] = true;
  return split_as_told(std::move(name), all, classes, held);
}

std::size_t classes_of(const Samples& samples) {
  return static_cast<std::size_t>(*std::max_element(samples.labels.begin(), samples.labels.end())) +
         1;
}

}  // namespace murmur::core
