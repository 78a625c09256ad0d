#include "apps/table.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "apps/console.hpp"
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

std::string fitted(const std::string& block, std::size_t columns, std::size_t rows) {
  std::vector<std::string> lines;
  std::istringstream stream(block);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  if (lines.size() >= rows && rows > 1) {
    const std::size_t hidden = lines.size() - (rows - 2);
    lines.resize(rows - 2);
    lines.push_back(fmt::format("... and {} lines more", hidden));
  }
  std::string text;
  for (const std::string& line : lines) text += line.substr(0, columns) + "\n";
  return text;
}

void LiveBlock::show(const std::string& block) {
  if (!terminal_) {
    return say(block);
  }
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const std::string shown = known ? fitted(block, size.ws_col, size.ws_row) : block;
  std::string drawn;
  if (lines_ > 0) drawn = fmt::format("\x1b[{}A", lines_);  // up to the block's first line
  lines_ = 0;
  std::istringstream lines(shown);
  // Line by line: a screen cleared at once goes into the scrollback of some terminals.
  for (std::string line; std::getline(lines, line); ++lines_) drawn += "\x1b[2K" + line + "\n";
  say(drawn + "\x1b[J");
}

}  // namespace murmur::apps
