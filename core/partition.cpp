// Dealing the training rows to peers: uniformly, or by class shares drawn from a Dirichlet
// distribution (Hsu, Qi, Brown, 1909.06335).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/dataset.hpp"
#include "core/rng.hpp"

namespace murmur::core {
namespace {

constexpr std::string_view kDirichlet = "dirichlet:";

template <class T>
bool parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// log of a Gamma(alpha, 1) draw: Marsaglia and Tsang 2000 for alpha + 1, then their boost
/// U^(1/alpha), which underflows for small alpha and so stays in logarithms.
double log_gamma_draw(double alpha, Rng& rng) {
  const double d = alpha + 1.0 - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double x = rng.normal();
    const double v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
    if (v <= 0) continue;
    const double u = 1.0 - rng.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return std::log(d * v) + std::log(1.0 - rng.uniform()) / alpha;
    }
  }
}

/// Where part i's share of n rows ends, for every i, by shares drawn from Dir(alpha).
std::vector<std::size_t> dirichlet_ends(std::size_t n, std::size_t parts, double alpha, Rng& rng) {
  std::vector<double> share(parts);
  for (double& s : share) s = log_gamma_draw(alpha, rng);
  const double top = *std::max_element(share.begin(), share.end());
  for (double& s : share) s = std::exp(s - top);
  const double total = std::accumulate(share.begin(), share.end(), 0.0);
  std::vector<std::size_t> ends(parts, n);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < parts; ++i) {
    sum += share[i];
    ends[i] =
        std::min(n, static_cast<std::size_t>(std::lround(sum / total * static_cast<double>(n))));
  }
  return ends;
}

/// Draws of Dir(alpha) that leave a part without a row are drawn again, at most so often.
constexpr int kDealsMax = 100;

/// The rows of part `partition.index`; every part of one seed works out the same deal. Nothing:
/// however often it was dealt, some part had no row.
std::optional<std::vector<std::uint32_t>> deal_by_class(const Samples& samples, std::size_t classes,
                                                        const Partition& partition,
                                                        std::uint64_t seed) {
  std::vector<std::vector<std::uint32_t>> of_class = rows_by_class(samples, classes);
  std::vector<Rng> rngs;
  for (std::size_t label = 0; label < classes; ++label) {
    shuffle(of_class[label], rngs.emplace_back(seed, label, "partition dirichlet"));
  }
  for (int deal = 0; deal < kDealsMax; ++deal) {
    std::vector<std::size_t> rows_of(partition.count, 0);
    std::vector<std::uint32_t> mine;
    for (std::size_t label = 0; label < classes; ++label) {
      const auto& rows = of_class[label];
      const auto ends =
          dirichlet_ends(rows.size(), partition.count, partition.dirichlet_alpha, rngs[label]);
      std::size_t begin = 0;
      for (std::size_t part = 0; part < partition.count; begin = ends[part++]) {
        rows_of[part] += ends[part] - begin;
        if (part != partition.index) continue;
        for (std::size_t i = begin; i < ends[part]; ++i) mine.push_back(rows[i]);
      }
    }
    if (std::find(rows_of.begin(), rows_of.end(), 0U) == rows_of.end()) return mine;
  }
  return std::nullopt;
}

}  // namespace

Result<double> parse_partition(std::string_view text) {
  if (text == "iid") return 0.0;
  double alpha = 0;
  if (text.starts_with(kDirichlet) && parse_whole(text.substr(kDirichlet.size()), alpha) &&
      std::isfinite(alpha) && alpha > 0) {
    return alpha;
  }
  return fail(fmt::format("partition '{}' is neither iid nor dirichlet:A with A > 0", text));
}

Result<Partition> parse_part(std::string_view text) {
  Partition part;
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !parse_whole(text.substr(0, slash), part.index) ||
      !parse_whole(text.substr(slash + 1), part.count) || part.count == 0) {
    return fail(fmt::format("part '{}' is not I/N", text));
  }
  if (part.index >= part.count) {
    return fail(fmt::format("part {}: {} > {}, the last of {}", text, part.index, part.count - 1,
                            part.count));
  }
  return part;
}

Result<std::vector<std::uint32_t>> partition_rows(const Samples& samples, std::size_t classes,
                                                  const Partition& partition, std::uint64_t seed) {
  if (samples.rows < partition.count) {
    return fail(
        fmt::format("{} parts of {} rows: some would be empty", partition.count, samples.rows));
  }
  std::vector<std::uint32_t> mine;
  if (partition.dirichlet_alpha > 0) {
    if (classes == 0) return fail("partition dirichlet: the data has no classes");
    if (samples.positions() > 1) {
      return fail("partition dirichlet: a row has no class, but one at each position");
    }
    auto dealt = deal_by_class(samples, classes, partition, seed);
    if (!dealt) {
      return fail(
          fmt::format("dirichlet:{} with seed {}: in {} deals of {} rows some of {} parts "
                      "had none",
                      partition.dirichlet_alpha, seed, kDealsMax, samples.rows, partition.count));
    }
    mine = std::move(*dealt);
  } else {
    std::vector<std::uint32_t> rows(samples.rows);
    std::iota(rows.begin(), rows.end(), 0U);
    Rng rng(seed, 0, "partition iid");
    shuffle(rows, rng);
    const auto cut = [&](std::size_t i) {
      return rows.begin() + static_cast<std::ptrdiff_t>(samples.rows * i / partition.count);
    };
    mine.assign(cut(partition.index), cut(partition.index + 1));
  }
  std::sort(mine.begin(), mine.end());
  return mine;
}

}  // namespace murmur::core
