#include "apps/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/check.hpp"

namespace murmur::apps {

void Table::add(std::vector<std::string> row) {
  CHECK_INVARIANT(row.size() == rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> width(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line = fmt::format("{:<{}}", row[0], width[0]);
    for (std::size_t i = 1; i < row.size(); ++i) {
      line += fmt::format("  {:>{}}", row[i], width[i]);
    }
    text += line + "\n";
  }
  return text;
}

std::string percent_cell(double share, int digits) {
  return std::isfinite(share) ? fmt::format("{:.{}f} %", 100 * share, digits) : "-";
}
std::string loss_cell(double loss) { return plain_cell(loss, 4); }
std::string small_cell(double value) {
  return std::isfinite(value) ? fmt::format("{:.1e}", value) : "-";
}
std::string plain_cell(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

void LiveBlock::show(const std::string& block) {
  if (terminal_ && lines_ > 0) {
    fmt::print("\x1b[{}A\x1b[J", lines_);  // up to the block's first line, and clear from there
  }
  fmt::print("{}", block);
  std::fflush(stdout);
  lines_ = static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n'));
}

}  // namespace murmur::apps
