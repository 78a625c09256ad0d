// Data sets: rows of features with a class or real targets each, split into a training part and a
// held-out part, and cut among peers so that no two see the same row.
// Thread rule: values; immutable once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_rows.hpp"
#include "core/result.hpp"

namespace murmur::core {

/// `rows` rows of `width` features, row-major. Exactly one of `bytes` and `floats` is filled; a
/// byte b means the feature b * scale (images stay a quarter of the size). Classification fills
/// `labels`, as many for each row, < classes; regression fills `targets` (rows x target_width).
/// Of a text there are `tokens` instead: row r at phase p < width is the `width` tokens from
/// r * width + p on, and the label of each is the token after it.
struct Samples {
  std::size_t rows = 0;
  std::size_t width = 0;
  ByteRows bytes;
  float scale = 1.0F;
  std::vector<float> floats;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::size_t target_width = 0;
  std::vector<std::uint8_t> tokens;

  /// The rows named, in that order; not of a text. Bytes are shared, not copied.
  [[nodiscard]] Samples select(std::span<const std::uint32_t> which) const;

  /// `width` features of a row; of a text its tokens, without a phase.
  void read_features(std::size_t row, std::span<float> to) const;
  /// What is to be told at each position of a row, where there are labels or tokens.
  [[nodiscard]] std::size_t positions() const;
  [[nodiscard]] std::size_t label(std::size_t row, std::size_t position) const;
};

/// The rows of each class, ascending. `samples` has labels, each below `classes`.
std::vector<std::vector<std::uint32_t>> rows_by_class(const Samples& samples, std::size_t classes);

inline constexpr std::size_t kClassesMax = 65536;

struct Dataset {
  std::string name;
  Samples train;
  Samples held_out;
  std::size_t classes = 0;                    ///< 0 for regression
  std::vector<std::string> class_names = {};  ///< of each class; empty: its number is its name
};

/// `spec`:
///  "digits"    built in; held out are the rows whose 0-based index divides by 5;
///  "mnist:DIR" the four IDX files of MNIST or of a set shaped like it, plain or .gz; ten classes,
///              or as many as the labels name;
///  "cifar10:DIR" the binary files of CIFAR-10, plain or .gz;
///  "tensors:FILE" x, y and maybe x_test, y_test in a safetensors file;
///  "csv:FILE"  plain or .gz, numbers, the last column an integer label; held out is a fifth of
///              each class, drawn from `seed`, but never the only row of one;
///  "csv-targets:FILE" the same, the last column a number to be told; every fifth row is held out;
///  "text:FILE" plain or .gz, a byte a token (core/text.hpp);
///  "wav:DIR"   spoken words (core/wav_reader.hpp);
///  "linear"    y = 2x + 1 with noise, made from `seed`; held out as for digits.
/// Labels are below `classes_max`. Error: one line naming the file, the place and the limit.
Result<Dataset> load_dataset(std::string_view spec, std::uint64_t seed,
                             std::size_t classes_max = kClassesMax);

/// How training rows are dealt to peers.
struct Partition {
  /// 0 deals uniformly ("iid"); otherwise the Dirichlet concentration: for each class, the shares
  /// of the peers are drawn from Dir(alpha) (Hsu, Qi, Brown, 1909.06335).
  double dirichlet_alpha = 0;
  std::size_t index = 0;  ///< this peer's part, 0-based
  std::size_t count = 1;  ///< parts
};

/// "iid" or "dirichlet:A" with A > 0, into `partition.dirichlet_alpha`.
Result<double> parse_partition(std::string_view text);
/// "I/N", 0-based, I < N.
Result<Partition> parse_part(std::string_view text);

/// The rows of part `partition.index`, ascending. The parts of one (seed, count, alpha) are
/// disjoint and cover every row. Error: fewer rows than parts, or an empty part.
Result<std::vector<std::uint32_t>> partition_rows(const Samples& samples, std::size_t classes,
                                                  const Partition& partition, std::uint64_t seed);

}  // namespace murmur::core
