// A table of text for a terminal: columns as wide as their widest cell, all but the first aligned
// to the right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace murmur::apps {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  /// As many cells as the header has.
  void add(std::vector<std::string> row);
  /// One line a row, each ended by a newline.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Cells. What is not finite shows as "-".
std::string percent_cell(double share, int digits);  ///< "97.2 %"
std::string loss_cell(double loss);                  ///< "0.0123"
std::string small_cell(double value);                ///< "1.2e-03"
std::string plain_cell(double value, int digits);    ///< "3.1"

/// `block` as it fits on a screen: each line cut to `columns`, and of more lines than `rows`, less
/// one for the cursor, the last says how many are not shown.
std::string fitted(const std::string& block, std::size_t columns, std::size_t rows);

/// Prints a block of lines; each show() on a terminal draws over the one before, for which it is
/// cut to the terminal's size.
class LiveBlock {
 public:
  /// `terminal`: standard output is one on which lines can be drawn over.
  explicit LiveBlock(bool terminal) : terminal_(terminal) {}
  void show(const std::string& block);
  /// What is printed next goes below the block.
  void release() { lines_ = 0; }

 private:
  bool terminal_;
  std::size_t lines_ = 0;
};

}  // namespace murmur::apps
