#include "tests/gossip/transcript.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "tests/gossip/transcript_stage.hpp"

namespace murmur::gossip::test {
namespace {

constexpr std::size_t kAround = 2;  // lines shown before and after a difference

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  // A last line without its end is another line.
  if (!text.empty() && text.back() != '\n') lines.back() += " (no newline)";
  return lines;
}

struct Edit {
  char mark;
  std::size_t number;  // of the line in the old text
  const std::string* line;
};

/// Along a longest common subsequence.
std::vector<Edit> edits(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<std::size_t>> common(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<Edit> all;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      all.push_back({' ', i + 1, &a[i]});
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      all.push_back({'-', i + 1, &a[i]});
      ++i;
    } else {
      all.push_back({'+', i + 1, &b[j]});
      ++j;
    }
  }
  return all;
}

}  // namespace

std::string replay(const std::string& text) {
  Stage stage;
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("  ", 0) == 0) continue;
    out += line + "\n";
    if (line.empty() || line.front() == '#') continue;
    for (const std::string& output : stage.play(line)) out += "  " + output + "\n";
  }
  return out;
}

std::string difference(const std::string& before, const std::string& now) {
  const std::vector<std::string> a = lines_of(before);
  const std::vector<std::string> b = lines_of(now);
  const std::vector<Edit> all = edits(a, b);
  std::string shown;
  std::size_t next = 0;  // what is not shown yet
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].mark == ' ') continue;
    const std::size_t begin = std::max(next, i - std::min(i, kAround));
    if (begin > next) shown += "...\n";
    next = std::min(all.size(), i + kAround + 1);
    for (std::size_t k = begin; k < next; ++k) {
      shown += fmt::format("{:4} {}{}\n", all[k].number, all[k].mark, *all[k].line);
    }
  }
  return shown;
}

}  // namespace murmur::gossip::test
