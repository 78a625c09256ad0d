// Standard output and standard error, written in such a way that nothing that happens to them (a
// reader that goes away, a full disk, a closed descriptor) ends the program or throws.
// Thread rule: any thread; one text is written whole where the system allows it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace murmur::apps {

/// The first thing that main() does. Standard descriptors that are closed become /dev/null, or the
/// first files opened would take their numbers and what is printed. Writing to a pipe that nobody
/// reads, or past the limit on a file's size, is from now on an error of that write, not the end of
/// the process.
void prepare_streams();

/// Of what waits to be printed in the background.
constexpr std::size_t kConsoleMax = std::size_t{1} << 20;

/// Writes `text` to standard output, as far as that can be.
void say(std::string_view text);
/// `text` as one line that moves no cursor: names of files and values are whatever somebody typed.
std::string one_line(std::string_view text);
/// Writes "murmur: TEXT", in one line, to standard error, as far as that can be.
void complain(std::string_view text);

/// True where standard output is a terminal on which lines can be drawn over.
bool can_redraw();

}  // namespace murmur::apps
