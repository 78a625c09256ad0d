#include "core/log_mel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>

#include "core/check.hpp"

namespace murmur::core {
namespace {

constexpr double kFrameSeconds = 0.032;
constexpr double kHopSeconds = 0.016;
constexpr double kLowest = 60;
constexpr double kHighest = 8000;
constexpr double kRangeDb = 80;

using Complex = std::complex<double>;

/// In place, of a power of two (Cooley and Tukey 1965).
void transform(std::vector<Complex>& x) {
  const std::size_t n = x.size();
  for (std::size_t i = 1, j = 0; i < n; ++i) {
    std::size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (std::size_t length = 2; length <= n; length *= 2) {
    const Complex turn = std::polar(1.0, -2 * std::numbers::pi / static_cast<double>(length));
    for (std::size_t begin = 0; begin < n; begin += length) {
      Complex factor = 1;
      for (std::size_t k = begin; k < begin + length / 2; ++k) {
        const Complex even = x[k];
        const Complex odd = x[k + length / 2] * factor;
        x[k] = even + odd;
        x[k + length / 2] = even - odd;
        factor *= turn;
      }
    }
  }
}

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

/// kMelBands + 2 pitches, evenly apart for the ear: band b is a triangle from b to b + 2.
std::vector<double> band_edges(double rate) {
  const double low = mel_of(kLowest);
  const double high = mel_of(std::min(kHighest, rate / 2));
  std::vector<double> edges(kMelBands + 2);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    edges[i] = hertz_of(low + (high - low) * static_cast<double>(i) / (kMelBands + 1));
  }
  return edges;
}

double triangle(double hertz, double low, double middle, double high) {
  if (hertz <= low || hertz >= high) return 0;
  return hertz < middle ? (hertz - low) / (middle - low) : (high - hertz) / (high - middle);
}

class Analyser {
 public:
  explicit Analyser(double rate)
      : frame_(static_cast<std::size_t>(std::lround(rate * kFrameSeconds))),
        spectrum_(std::bit_ceil(frame_) * kFiner) {
    const double width = rate / static_cast<double>(spectrum_.size());
    const std::vector<double> edges = band_edges(rate);
    for (std::size_t band = 0; band < kMelBands; ++band) {
      for (std::size_t bin = 0; bin <= spectrum_.size() / 2; ++bin) {
        const double weight = triangle(static_cast<double>(bin) * width, edges[band],
                                       edges[band + 1], edges[band + 2]);
        if (weight > 0) weights_.push_back({band, bin, weight});
      }
    }
    for (std::size_t i = 0; i < frame_; ++i) {
      const double turn =
          2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(frame_);
      window_.push_back(0.5 - 0.5 * std::cos(turn));
    }
  }

  /// The power in each band of the frame that begins at `begin`, silence past the sound's end.
  void bands(std::span<const float> sound, std::size_t begin, std::span<double> out) {
    std::fill(spectrum_.begin(), spectrum_.end(), Complex());
    for (std::size_t i = 0; i < frame_ && begin + i < sound.size(); ++i) {
      spectrum_[i] = window_[i] * double{sound[begin + i]};
    }
    transform(spectrum_);
    std::fill(out.begin(), out.end(), 0.0);
    for (const Weight& w : weights_) out[w.band] += w.weight * std::norm(spectrum_[w.bin]);
  }

 private:
  /// The lowest bands are narrower than a frame's own resolution.
  static constexpr std::size_t kFiner = 2;
  struct Weight {
    std::size_t band, bin;
    double weight;
  };
  std::size_t frame_;
  std::vector<Complex> spectrum_;
  std::vector<Weight> weights_;
  std::vector<double> window_;
};

}  // namespace

std::vector<std::uint8_t> log_mel(std::span<const float> sound, double rate) {
  CHECK_INVARIANT(rate >= kMelRateMin);
  const auto hop = static_cast<std::size_t>(std::lround(rate * kHopSeconds));
  const std::size_t frames = std::max<std::size_t>(1, (sound.size() + hop - 1) / hop);
  const std::size_t kept = std::min(frames, kMelFrames);
  const std::size_t first = (frames - kept) / 2;
  std::vector<double> power(kept * kMelBands);
  Analyser analyser(rate);
  for (std::size_t i = 0; i < kept; ++i) {
    analyser.bands(sound, (first + i) * hop, std::span(power).subspan(i * kMelBands, kMelBands));
  }
  std::vector<std::uint8_t> features(kMelFrames * kMelBands, 0);
  const double loudest = *std::max_element(power.begin(), power.end());
  if (loudest <= 0) return features;
  const std::size_t before = (kMelFrames - kept) / 2 * kMelBands;
  for (std::size_t i = 0; i < power.size(); ++i) {
    const double db = 10 * std::log10(std::max(power[i] / loudest, 1e-30));
    const double share = std::max(0.0, 1 + db / kRangeDb);
    features[before + i] = static_cast<std::uint8_t>(std::lround(255 * share));
  }
  return features;
}

}  // namespace murmur::core
