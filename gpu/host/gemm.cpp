// Matrix products of training's own sizes: one side is a mini-batch, so a panel of it fits the
// second-level cache and the other need not be copied at all. On a Zen 5 core, GCC 12, float, 64 x
// 784 x 256 and its weight gradient ran at 235-255 GFLOP/s so; Eigen 3.4, which copies both sides,
// at 154-161 (Clang: 186-206). Debian 12's OpenBLAS 0.3.21 is behind PyTorch's 0.53 ms a step
// there.
//
// Invariant: each element of C is summed by one task in the order of k, so the result depends
// neither on the number of threads nor on scheduling, nor on which side is copied.
#include <algorithm>
#include <utility>

#include "gpu/host/context.hpp"
#include "gpu/host/tiles.hpp"

namespace murmur::gpu::host {
namespace {

/// Numbers of the left side that stay in the second-level cache from one panel to the next; and the
/// rows below which copying the panels for each such run costs more than it saves.
constexpr std::size_t kKeptNumbers = std::size_t{1} << 17;
constexpr std::size_t kKeptRowsMin = 256;

/// Below this many multiply-adds one thread is faster than several.
constexpr std::size_t kParallelWork = std::size_t{1} << 21;

/// C = left * right; the right one is copied.
struct Sides {
  View left;   ///< m x k
  View right;  ///< k x n
  std::size_t m, n;
  bool transposed;  ///< C's columns are its stored rows
};

/// About the cycles of a product: the multiply-adds at two vectors a cycle, copying the right side,
/// and a store that transposes.
double cost(const Sides& sides, std::size_t k) {
  const auto m = static_cast<double>(sides.m);
  const auto n = static_cast<double>(sides.n);
  const std::size_t vectors = (sides.n + kLanes - 1) / kLanes;
  const double copy = sides.right.column == 1 ? 0.15 : 0.4;
  return static_cast<double>(k) * (m * static_cast<double>(vectors) / 2 + n * copy) +
         (sides.transposed ? 0.6 * m * n : 0);
}

/// Either C = A B, or C' = B' A': whichever costs less.
Sides choose_sides(const Product& p, const float* a, const float* b) {
  const View left = p.trans_a ? View{a, 1, p.a_row()} : View{a, p.a_row(), 1};
  const View right = p.trans_b ? View{b, 1, p.b_row()} : View{b, p.b_row(), 1};
  const Sides plain{left, right, p.m, p.n, false};
  const Sides turned{
      {right.data, right.column, right.row}, {left.data, left.column, left.row}, p.n, p.m, true};
  return cost(turned, p.k) < cost(plain, p.k) ? turned : plain;
}

}  // namespace

void gemm(Context& context, const Product& p, const float* a, const float* b, float* c) {
  if (p.m == 0 || p.n == 0 || p.batch == 0) return;
  const Sides sides = choose_sides(p, a, b);
  const std::size_t a_next = sides.transposed ? p.b_next : p.a_next;
  const std::size_t b_next = sides.transposed ? p.a_next : p.b_next;
  const std::size_t column_step = sides.transposed ? p.c_row() : 1;
  const std::size_t depth_max =
      p.k > kPanelRows && sides.left.column != 1 ? kFewPanelRows : kPanelRows;
  // A task is a panel of columns by a run of rows. Each run copies the panel again, so there are
  // several only where the panels alone would leave threads idle, or where the rows together are
  // more than a core's cache keeps for the next panel.
  const std::size_t panels = (sides.n + kPanelColumns - 1) / kPanelColumns;
  const bool shared = context.threads() > 1 && p.batch * p.m * p.n * p.k >= kParallelWork;
  const std::size_t together = panels * p.batch;
  const std::size_t for_threads =
      shared ? (static_cast<std::size_t>(context.threads()) + together - 1) / together : 1;
  const std::size_t kept = kKeptNumbers / std::max<std::size_t>(std::min(p.k, depth_max), 1);
  const std::size_t for_cache = kept < kKeptRowsMin ? 1 : (sides.m + kept - 1) / kept;
  const std::size_t runs = std::max(for_threads, for_cache);
  const std::size_t run_rows =
      ((sides.m + runs - 1) / runs + kTileRows - 1) / kTileRows * kTileRows;

  const auto task = [&](std::size_t begin, std::size_t index) {
    alignas(64) float panel[kPanelRows * kPanelColumns];
    const std::size_t column = index % panels * kPanelColumns;
    const std::size_t width = std::min(kPanelColumns, sides.n - column);
    const std::size_t run = index / panels % runs;
    const std::size_t which = index / panels / runs;
    const std::size_t first = run * run_rows;
    const std::size_t last = std::min(sides.m, first + run_rows);
    if (first >= last) return;
    const std::size_t depth = std::min(depth_max, p.k - begin);
    const View left{sides.left.data + which * a_next + begin * sides.left.column, sides.left.row,
                    sides.left.column};
    const View right{
        sides.right.data + which * b_next + column * sides.right.column + begin * sides.right.row,
        sides.right.row, sides.right.column};
    pack(right, depth, width, panel);
    const Store store{p.alpha, begin == 0 ? p.beta : 1.0F, p.c_row(), sides.transposed};
    multiply_panel(first, last, depth, left, panel, store,
                   c + which * p.c_next + column * column_step, width);
  };
  const std::size_t tasks = panels * runs * p.batch;
  // Some of k after the other, so that of a long one both sides stay in cache from panel to panel.
  for (std::size_t begin = 0; begin == 0 || begin < p.k; begin += depth_max) {
    const auto one = [&](std::size_t index) { task(begin, index); };
    if (shared) {
      context.for_each_task(tasks, one);
    } else {
      for (std::size_t i = 0; i < tasks; ++i) one(i);
    }
  }
}

}  // namespace murmur::gpu::host
