// The rules of the house (docs/architecture.md), as functions over one file: each returns what is
// wrong with it, a line a complaint, empty when all is well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace murmur::house {

/// `path` is relative to the repository: "gossip/machine.cpp". Only lower folders of the house may
/// be included, and by their full name from the root.
std::vector<std::string> wrong_arrows(std::string_view path, std::string_view source);

/// The same of a folder's CMakeLists.txt: the targets it links.
std::vector<std::string> wrong_links(std::string_view path, std::string_view cmake);

/// core/ and gossip/ hold no clock, thread, socket, source of randomness, environment or unordered
/// container, and open files only where the rule names them.
std::vector<std::string> impurities(std::string_view path, std::string_view source);

/// A header opens with its purpose and guards itself.
std::vector<std::string> headless(std::string_view path, std::string_view source);

}  // namespace murmur::house
