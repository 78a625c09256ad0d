// A transcript: a text of commands and of what a few machines do at each, which a test holds
// against what they do now. A line that begins with two spaces is output of the command above it;
// one that begins with # and an empty one are for the reader; any other is a command
// (tests/gossip/transcript_stage.hpp has them all).
#pragma once

#include <string>

namespace murmur::gossip::test {

/// The same text with the outputs that its commands have now; of one that cannot be done the last
/// line is "cannot: " and why.
std::string replay(const std::string& text);

/// The lines in which `now` differs from `before`, numbered as in `before`, among the lines around
/// them: "-" is only there, "+" only now. Empty iff the two are equal.
std::string difference(const std::string& before, const std::string& now);

}  // namespace murmur::gossip::test
