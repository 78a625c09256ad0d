// A network's loss in double, by the plainest loops: what every backend's layers are measured with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/dataset.hpp"
#include "core/model_spec.hpp"

namespace murmur::gpu::test {

using Doubles = std::vector<double>;

class LayerReference {
 public:
  explicit LayerReference(const core::ModelSpec& model) : model_(model) {}

  /// The mean over the samples: cross-entropy where `classes`, else the squared error.
  double loss(const Doubles& parameters, const core::Samples& samples, bool classes) const {
    double sum = 0;
    for (std::size_t row = 0; row < samples.rows; ++row) {
      const auto* const from = samples.floats.data() + row * samples.width;
      const Doubles out = forward(parameters, Doubles(from, from + samples.width));
      if (classes) {
        sum += cross_entropy(out, static_cast<std::size_t>(samples.labels[row]));
        continue;
      }
      for (std::size_t i = 0; i < out.size(); ++i) {
        sum += std::pow(out[i] - double{samples.targets[row * out.size() + i]}, 2) /
               static_cast<double>(out.size());
      }
    }
    return sum / static_cast<double>(samples.rows);
  }

  /// Of a text whose rows begin `phase` tokens late.
  double text_loss(const Doubles& parameters, const core::Samples& samples,
                   std::size_t phase) const {
    const std::size_t context = samples.width;
    const auto classes = static_cast<std::ptrdiff_t>(model_.shapes.back()[1]);
    double sum = 0;
    for (std::size_t row = 0; row < samples.rows; ++row) {
      const auto* const from = samples.tokens.data() + row * context + phase;
      const Doubles out = forward(parameters, Doubles(from, from + context));
      auto at = out.begin();
      for (std::size_t t = 0; t < context; ++t, at += classes) {
        sum += cross_entropy(Doubles(at, at + classes), from[t + 1]);
      }
    }
    return sum / static_cast<double>(samples.rows * context);
  }

 private:
  static double cross_entropy(const Doubles& out, std::size_t label) {
    const double most = *std::max_element(out.begin(), out.end());
    double total = 0;
    for (const double z : out) total += std::exp(z - most);
    return std::log(total) + most - out[label];
  }

  Doubles forward(const Doubles& parameters, Doubles input) const {
    std::vector<Doubles> points{std::move(input)};
    const double* own = parameters.data();
    for (std::size_t i = 0; i < model_.layers.size(); ++i) {
      const core::Layer& layer = model_.layers[i];
      const core::Shape& in = model_.shapes[layer.from];
      const core::Shape& out = model_.shapes[i + 1];
      points.push_back(std::visit(
          [&](const auto& spec) { return apply(spec, points, points[layer.from], in, out, own); },
          layer.spec));
      for (const core::Parameter& p : core::parameters_of(layer.spec, in)) {
        own += core::elements(p.shape);
      }
    }
    return points.back();
  }

  using Points = std::vector<Doubles>;
  using Shape = core::Shape;

  static Doubles apply(const core::LinearSpec& spec, const Points&, const Doubles& x,
                       const Shape& in, const Shape& out, const double* w) {
    const std::size_t inputs = in.back(), outputs = out.back();
    Doubles y(core::elements(out));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t row = i / outputs, o = i % outputs;
      y[i] = spec.bias ? w[outputs * inputs + o] : 0;
      for (std::size_t k = 0; k < inputs; ++k) y[i] += w[o * inputs + k] * x[row * inputs + k];
    }
    return y;
  }

  static Doubles apply(const core::Conv2dSpec& spec, const Points&, const Doubles& x,
                       const Shape& in, const Shape& out, const double* w) {
    const std::size_t k = spec.kernel;
    const double* const bias = w + out[0] * in[0] * k * k;
    Doubles y(core::elements(out));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t ox = i % out[2], oy = i / out[2] % out[1], o = i / (out[1] * out[2]);
      y[i] = spec.bias ? bias[o] : 0;
      for (std::size_t c = 0; c < in[0]; ++c) {
        for (std::size_t ky = 0; ky < k; ++ky) {
          for (std::size_t kx = 0; kx < k; ++kx) {
            const std::size_t iy = oy * spec.stride + ky - spec.padding;
            const std::size_t ix = ox * spec.stride + kx - spec.padding;
            if (iy >= in[1] || ix >= in[2]) continue;  // wrapped round below zero, too
            y[i] += w[((o * in[0] + c) * k + ky) * k + kx] * x[(c * in[1] + iy) * in[2] + ix];
          }
        }
      }
    }
    return y;
  }

  template <class F>
  static Doubles pool(std::size_t k, std::size_t stride, const Doubles& x, const Shape& in,
                      const Shape& out, const F& of_window) {
    Doubles y(core::elements(out));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t ox = i % out[2], oy = i / out[2] % out[1], c = i / (out[1] * out[2]);
      Doubles window;
      for (std::size_t j = 0; j < k * k; ++j) {
        window.push_back(x[(c * in[1] + oy * stride + j / k) * in[2] + ox * stride + j % k]);
      }
      y[i] = of_window(window);
    }
    return y;
  }
  static double mean(const Doubles& x) {
    double sum = 0;
    for (const double v : x) sum += v;
    return sum / static_cast<double>(x.size());
  }
  static Doubles apply(const core::MaxPool2dSpec& spec, const Points&, const Doubles& x,
                       const Shape& in, const Shape& out, const double*) {
    return pool(spec.kernel, spec.stride, x, in, out,
                [](const Doubles& w) { return *std::max_element(w.begin(), w.end()); });
  }
  static Doubles apply(const core::AvgPool2dSpec& spec, const Points&, const Doubles& x,
                       const Shape& in, const Shape& out, const double*) {
    return pool(spec.kernel, spec.stride, x, in, out, mean);
  }
  static Doubles apply(const core::GlobalAvgPoolSpec&, const Points&, const Doubles& x,
                       const Shape& in, const Shape&, const double*) {
    const auto pixels = static_cast<std::ptrdiff_t>(in[1] * in[2]);
    Doubles y;
    for (auto at = x.begin(); at != x.end(); at += pixels)
      y.push_back(mean(Doubles(at, at + pixels)));
    return y;
  }

  static Doubles apply(const core::EmbeddingSpec& spec, const Points&, const Doubles& x,
                       const Shape&, const Shape& out, const double* w) {
    Doubles y(core::elements(out));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t t = i / spec.width, c = i % spec.width;
      const auto token = static_cast<std::size_t>(x[t]);
      y[i] = w[token * spec.width + c] + w[(spec.vocabulary + t) * spec.width + c];
    }
    return y;
  }
  static Doubles apply(const core::AttentionSpec& spec, const Points&, const Doubles& x,
                       const Shape&, const Shape& out, const double*) {
    const std::size_t width = out[1], head = width / spec.heads;
    Doubles y(core::elements(out), 0.0);
    for (std::size_t t = 0; t < out[0]; ++t) {
      for (std::size_t h = 0; h < spec.heads; ++h) {
        const double* const query = x.data() + t * 3 * width + h * head;
        Doubles share;
        double total = 0;
        for (std::size_t s = 0; s <= t; ++s) {
          const double* const key = x.data() + s * 3 * width + width + h * head;
          double score = 0;
          for (std::size_t i = 0; i < head; ++i) score += query[i] * key[i];
          share.push_back(std::exp(score / std::sqrt(static_cast<double>(head))));
          total += share.back();
        }
        for (std::size_t s = 0; s <= t; ++s) {
          const double* const value = x.data() + s * 3 * width + 2 * width + h * head;
          for (std::size_t i = 0; i < head; ++i) {
            y[t * width + h * head + i] += share[s] / total * value[i];
          }
        }
      }
    }
    return y;
  }

  static Doubles apply(const core::ReluSpec&, const Points&, Doubles x, const Shape&, const Shape&,
                       const double*) {
    for (double& v : x) v = std::max(v, 0.0);
    return x;
  }
  static Doubles apply(const core::GeluSpec&, const Points&, Doubles x, const Shape&, const Shape&,
                       const double*) {
    for (double& v : x) v *= (1 + std::erf(v / std::sqrt(2.0))) / 2;
    return x;
  }
  static Doubles apply(const core::FlattenSpec&, const Points&, const Doubles& x, const Shape&,
                       const Shape&, const double*) {
    return x;
  }
  /// As when evaluating.
  static Doubles apply(const core::DropoutSpec&, const Points&, const Doubles& x, const Shape&,
                       const Shape&, const double*) {
    return x;
  }
  static Doubles apply(const core::AddSpec& spec, const Points& points, Doubles x, const Shape&,
                       const Shape&, const double*) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += points[spec.with][i];
    return x;
  }

  /// Runs of `run` numbers, each to mean 0 and variance 1.
  static void normalise(Doubles& x, std::size_t run) {
    for (std::size_t begin = 0; begin < x.size(); begin += run) {
      const auto first = x.begin() + static_cast<std::ptrdiff_t>(begin);
      const Doubles part(first, first + static_cast<std::ptrdiff_t>(run));
      const double centre = mean(part);
      double square = 0;
      for (const double v : part) square += (v - centre) * (v - centre);
      const double scale = 1 / std::sqrt(square / static_cast<double>(run) + 1e-5);
      for (std::size_t i = 0; i < run; ++i) x[begin + i] = (part[i] - centre) * scale;
    }
  }
  static Doubles apply(const core::LayerNormSpec&, const Points&, Doubles x, const Shape& in,
                       const Shape&, const double* w) {
    const std::size_t width = in.back();
    normalise(x, width);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = x[i] * w[i % width] + w[width + i % width];
    return x;
  }
  static Doubles apply(const core::GroupNormSpec& spec, const Points&, Doubles x, const Shape& in,
                       const Shape&, const double* w) {
    const std::size_t pixels = in[1] * in[2];
    normalise(x, in[0] / spec.groups * pixels);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = x[i] * w[i / pixels] + w[in[0] + i / pixels];
    }
    return x;
  }

  const core::ModelSpec& model_;
};

}  // namespace murmur::gpu::test
