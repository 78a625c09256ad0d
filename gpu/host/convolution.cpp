// On a core of an AMD EPYC (Zen 5, shared), float, batch 64: see docs/dependencies.md for this
// beside oneDNN, which needs its own layout of all activations to be as fast.
#include "gpu/host/convolution.hpp"

#include <algorithm>
#include <vector>

#include "gpu/host/tiles.hpp"

namespace murmur::gpu::host {
namespace {

/// Below this many multiply-adds one thread is faster than several.
constexpr std::size_t kParallelWork = std::size_t{1} << 21;
constexpr std::size_t kGroupsMax = 8;
/// Floats that the groups' weight gradients may take together.
constexpr std::size_t kGroupsSize = std::size_t{1} << 19;

/// An image with zeros around it, or between its pixels too.
struct Padded {
  const float* data;
  std::size_t rows, columns;
  bool slack;  ///< kLanes numbers past its end may be read
  [[nodiscard]] std::size_t plane() const { return rows * columns; }
};

/// A thread's own; it grows to what the thread's largest layer asks for.
float* thread_buffer(std::size_t size) {
  static thread_local std::vector<float> buffer;
  if (buffer.size() < size) buffer.resize(size);
  return buffer.data();
}

/// `channels` planes of rows x columns, their pixels `stride` apart from (margin, margin) on.
Padded pad(const float* image, std::size_t channels, std::size_t rows, std::size_t columns,
           std::size_t margin, std::size_t stride, std::size_t padded_rows,
           std::size_t padded_columns) {
  if (padded_rows == rows && padded_columns == columns) return {image, rows, columns, false};
  const std::size_t plane = padded_rows * padded_columns;
  float* const to = thread_buffer(channels * plane + kLanes);
  std::fill_n(to, channels * plane + kLanes, 0.0F);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t y = 0; y < rows; ++y) {
      const float* const from = image + (c * rows + y) * columns;
      float* const line = to + c * plane + (margin + y * stride) * padded_columns + margin;
      if (stride == 1) {
        std::copy_n(from, columns, line);
      } else {
        for (std::size_t x = 0; x < columns; ++x) line[x * stride] = from[x];
      }
    }
  }
  return {to, padded_rows, padded_columns, true};
}

/// A run of a panel's columns whose pixels are neighbours in a row of the image.
struct Run {
  std::size_t column;  ///< in the panel
  std::size_t offset;  ///< of its first window's corner in a plane
  std::size_t count;
};

/// The windows of some neighbouring pixels of the output, as the columns of a panel.
class WindowPanel {
 public:
  /// The `width` pixels from `first` on, of an output with rows of `out_columns`.
  WindowPanel(const Padded& image, std::size_t kernel, std::size_t stride, std::size_t out_columns,
              std::size_t first, std::size_t width)
      : image_(image), kernel_(kernel), stride_(stride), width_(width) {
    for (std::size_t column = 0; column < width;) {
      const std::size_t y = (first + column) / out_columns;
      const std::size_t x = (first + column) % out_columns;
      const std::size_t count = std::min(width - column, out_columns - x);
      runs_[size_++] = {column, y * stride * image.columns + x * stride, count};
      column += count;
    }
  }

  /// The windows' numbers [begin, begin + depth), in the order of a weight's, into `panel`, which
  /// may be written up to kLanes past its last row.
  void pack(std::size_t begin, std::size_t depth, float* panel) const {
    clear_rest(panel, depth, width_);
    std::size_t kx = begin % kernel_;
    std::size_t ky = begin / kernel_ % kernel_;
    std::size_t channel = begin / (kernel_ * kernel_);
    for (std::size_t p = 0; p < depth; ++p) {
      const float* const from = image_.data + channel * image_.plane() + ky * image_.columns + kx;
      copy_runs(from, panel + p * kPanelColumns);
      if (++kx < kernel_) continue;
      kx = 0;
      if (++ky < kernel_) continue;
      ky = 0;
      ++channel;
    }
  }

 private:
  void copy_runs(const float* from, float* to) const {
    for (std::size_t i = 0; i < size_; ++i) {
      const Run& run = runs_[i];
      const float* const source = from + run.offset;
      float* const target = to + run.column;
      if (stride_ > 1) {
        for (std::size_t x = 0; x < run.count; ++x) target[x] = source[x * stride_];
      } else if (run.count == 2 * kLanes) {
        std::memcpy(target, source, 2 * kLanes * sizeof(float));
      } else if (run.count == kLanes) {
        std::memcpy(target, source, kLanes * sizeof(float));
      } else if (run.count == kLanes / 2) {
        std::memcpy(target, source, kLanes / 2 * sizeof(float));
      } else if (image_.slack) {
        // What is past the run is written over by the next run or row, or is past all columns.
        for (std::size_t x = 0; x < run.count; x += kLanes) {
          std::memcpy(target + x, source + x, kLanes * sizeof(float));
        }
      } else {
        for (std::size_t x = 0; x < run.count; ++x) target[x] = source[x];
      }
    }
  }

  Padded image_;
  std::size_t kernel_, stride_, width_;
  std::array<Run, kPanelColumns> runs_;
  std::size_t size_ = 0;
};

/// What a convolution of one image is: `outputs` rows of `weight` times its windows.
struct Pass {
  std::size_t outputs, depth;
  std::size_t kernel, stride;
  std::size_t out_rows, out_columns;
  const float* weight;  ///< outputs x depth
  const float* bias;    ///< null: none
  bool and_relu;
};

void finish(const Pass& pass, std::size_t width, std::size_t pixels, float* out) {
  if (pass.bias == nullptr && !pass.and_relu) return;
  for (std::size_t o = 0; o < pass.outputs; ++o) {
    float* const row = out + o * pixels;
    const float shift = pass.bias == nullptr ? 0.0F : pass.bias[o];
    for (std::size_t x = 0; x < width; ++x) {
      const float value = row[x] + shift;
      row[x] = pass.and_relu && value < 0.0F ? 0.0F : value;
    }
  }
}

void convolve(const Pass& pass, const Padded& image, float* out) {
  alignas(64) float panel[kPanelRows * kPanelColumns + kLanes];  // for WindowPanel::pack()
  const std::size_t pixels = pass.out_rows * pass.out_columns;
  for (std::size_t first = 0; first < pixels; first += kPanelColumns) {
    const std::size_t width = std::min(kPanelColumns, pixels - first);
    const WindowPanel windows(image, pass.kernel, pass.stride, pass.out_columns, first, width);
    for (std::size_t begin = 0; begin < pass.depth; begin += kPanelRows) {
      const std::size_t depth = std::min(kPanelRows, pass.depth - begin);
      windows.pack(begin, depth, panel);
      multiply_panel(0, pass.outputs, depth, {pass.weight + begin, pass.depth, 1}, panel,
                     {1.0F, begin == 0 ? 0.0F : 1.0F, pixels, false}, out + first, width);
    }
    finish(pass, width, pixels, out + first);
  }
}

/// Numbers of `above` as a panel that the image, seen with its padding, can be multiplied with: row
/// q is pixel (q / pitch, q % pitch), zeros where that is past the output's columns.
void pack_gradient(const float* above, std::size_t pixels, std::size_t columns, std::size_t pitch,
                   std::size_t begin, std::size_t end, std::size_t width, float* panel) {
  for (std::size_t q = begin; q < end;) {
    const std::size_t x = q % pitch;
    float* const to = panel + (q - begin) * kPanelColumns;
    if (x < columns) {
      const std::size_t count = std::min(end - q, columns - x);
      pack({above + q / pitch * columns + x, 1, pixels}, count, width, to);
      q += count;
    } else {
      const std::size_t count = std::min(end - q, pitch - x);
      std::fill_n(to, count * kPanelColumns, 0.0F);
      q += count;
    }
  }
}

float sum_of(const float* from, std::size_t n) {
  float lanes[kLanes] = {};
  const std::size_t whole = n / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += from[i + lane];
  }
  for (std::size_t i = whole; i < n; ++i) lanes[i - whole] += from[i];
  float sum = 0.0F;
  for (const float lane : lanes) sum += lane;
  return sum;
}

template <class F>
void for_each_sample(Context& context, std::size_t count, std::size_t work, F&& f) {
  if (work < kParallelWork) {
    for (std::size_t i = 0; i < count; ++i) f(i);
  } else {
    context.for_each_task(count, f);
  }
}

}  // namespace

Convolution::Convolution(const Windows& windows)
    : w_(windows),
      groups_(
          std::clamp<std::size_t>(kGroupsSize / (w_.outputs * (w_.depth() + 1)), 1, kGroupsMax)) {}

std::size_t Convolution::scratch() const {
  return w_.outputs * w_.depth() + groups_ * w_.outputs * (w_.depth() + 1);
}

void Convolution::forward(Context& context, std::size_t rows, const float* images,
                          const float* weight, const float* bias, bool and_relu, float* out,
                          float*) const {
  const Pass pass{w_.outputs,     w_.depth(), w_.kernel, w_.stride, w_.out_rows,
                  w_.out_columns, weight,     bias,      and_relu};
  const auto one = [&](std::size_t n) {
    const Padded image = pad(images + n * w_.in_size(), w_.channels, w_.rows, w_.columns,
                             w_.padding, 1, w_.rows + 2 * w_.padding, w_.columns + 2 * w_.padding);
    convolve(pass, image, out + n * w_.out_size());
  };
  for_each_sample(context, rows, rows * w_.out_size() * w_.depth(), one);
}

void Convolution::backward(Context& context, std::size_t rows, const float* images,
                           const float* weight, const float* above, float* weight_gradient,
                           float* bias_gradient, float* below, float* scratch) const {
  const std::size_t taps = w_.kernel * w_.kernel;
  float* const turned = scratch;
  this->weight_gradient(context, rows, images, above, weight_gradient, bias_gradient,
                        scratch + w_.outputs * w_.depth());
  if (below == nullptr) return;
  // The gradient by the image is a convolution too: of `above`, its pixels a stride apart, with
  // the weights turned round and their channels for outputs.
  for (std::size_t o = 0; o < w_.outputs; ++o) {
    for (std::size_t c = 0; c < w_.channels; ++c) {
      const float* const from = weight + (o * w_.channels + c) * taps;
      float* const to = turned + (c * w_.outputs + o) * taps;
      std::reverse_copy(from, from + taps, to);
    }
  }
  const Pass pass{w_.channels, w_.outputs * taps, w_.kernel, 1, w_.rows, w_.columns,
                  turned,      nullptr,           false};
  const std::size_t border = w_.kernel - 1;
  const auto one = [&](std::size_t n) {
    const Padded image = pad(above + n * w_.out_size(), w_.outputs, w_.out_rows, w_.out_columns,
                             border - w_.padding, w_.stride, w_.rows + border, w_.columns + border);
    convolve(pass, image, below + n * w_.in_size());
  };
  for_each_sample(context, rows, rows * w_.in_size() * pass.depth, one);
}

void Convolution::weight_gradient(Context& context, std::size_t rows, const float* images,
                                  const float* above, float* weight, float* bias,
                                  float* scratch) const {
  const std::size_t taps = w_.kernel * w_.kernel;
  const std::size_t size = w_.outputs * w_.depth();  // of a group: [tap][channel][output]
  const std::size_t groups = std::min(groups_, rows);
  float* const biases = scratch + groups_ * size;
  const std::size_t pitch = w_.columns + 2 * w_.padding;
  const std::size_t pixels = w_.out_pixels();
  const std::size_t length = (w_.out_rows - 1) * pitch + w_.out_columns;

  const auto add_sample = [&](std::size_t n, bool first, float* sums, float* bias_sums) {
    alignas(64) float panel[kPanelRows * kPanelColumns];
    const Padded image = pad(images + n * w_.in_size(), w_.channels, w_.rows, w_.columns,
                             w_.padding, 1, w_.rows + 2 * w_.padding, pitch);
    const float* const gradient = above + n * w_.out_size();
    for (std::size_t o = 0; o < w_.outputs; o += kPanelColumns) {
      const std::size_t width = std::min(kPanelColumns, w_.outputs - o);
      for (std::size_t begin = 0; begin < length; begin += kPanelRows) {
        const std::size_t end = std::min(length, begin + kPanelRows);
        pack_gradient(gradient + o * pixels, pixels, w_.out_columns, pitch, begin, end, width,
                      panel);
        const Store store{1.0F, first && begin == 0 ? 0.0F : 1.0F, w_.outputs, false};
        // Of one channel the taps of a line are the rows: one row alone would wait for its sum.
        const std::size_t together = w_.channels == 1 ? w_.kernel : 1;
        const std::size_t row = w_.channels == 1 ? 1 : image.plane();
        for (std::size_t tap = 0; tap < taps; tap += together) {
          const float* const corner = image.data + tap / w_.kernel * pitch + tap % w_.kernel;
          multiply_panel(0, together * w_.channels, end - begin,
                         {corner + begin * w_.stride, row, w_.stride}, panel, store,
                         sums + tap * w_.channels * w_.outputs + o, width);
        }
      }
    }
    for (std::size_t o = 0; o < w_.outputs; ++o) {
      const float sum = sum_of(gradient + o * pixels, pixels);
      bias_sums[o] = first ? sum : bias_sums[o] + sum;
    }
  };
  const auto group = [&](std::size_t g) {
    const std::size_t begin = rows * g / groups;
    for (std::size_t n = begin; n < rows * (g + 1) / groups; ++n) {
      add_sample(n, n == begin, scratch + g * size, biases + g * w_.outputs);
    }
  };
  for_each_sample(context, groups, rows * w_.out_size() * w_.depth(), group);

  for (std::size_t g = 1; g < groups; ++g) {
    for (std::size_t i = 0; i < size; ++i) scratch[i] += scratch[g * size + i];
    for (std::size_t o = 0; o < w_.outputs; ++o) biases[o] += biases[g * w_.outputs + o];
  }
  for (std::size_t o = 0; o < w_.outputs; ++o) {
    for (std::size_t i = 0; i < w_.depth(); ++i) {
      const std::size_t channel = i / taps;
      const std::size_t tap = i % taps;
      weight[o * w_.depth() + i] = scratch[(tap * w_.channels + channel) * w_.outputs + o];
    }
  }
  if (bias != nullptr) std::copy_n(biases, w_.outputs, bias);
}

}  // namespace murmur::gpu::host
