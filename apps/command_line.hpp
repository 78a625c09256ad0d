// One command's flags: CLI11, with every value read by a parser that explains itself, a
// configuration file, the nearest name for a name that does not exist, and one-line errors.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace murmur::apps {

/// How a flag looks in --help.
struct FlagHelp {
  std::string type;      ///< "DURATION"
  std::string fallback;  ///< the default, as one would type it; empty: none
  std::string text;
};

class CommandLine {
 public:
  /// `name` is "murmur peer".
  CommandLine(const std::string& name, const std::string& description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// The flags added next are listed under `title`.
  void group(const std::string& title);
  /// Examples, files and exit status, at the end of --help.
  void footer(const std::string& text);

  /// `flag` ("--lr") takes one value, which `parse` (string_view -> Result<T>) puts into `into`.
  template <class Into, class Parse>
  void add(const std::string& flag, Into& into, Parse parse, const FlagHelp& help) {
    const auto take = [&into, parse](const std::string& text) -> core::Result<void> {
      return parse(text).map([&into](auto value) { into = std::move(value); });
    };
    add_flag(flag, take, /*repeated=*/false, help);
  }
  /// As add(), but the flag may be repeated; the values collect in `into`.
  template <class T, class Parse>
  void add_repeated(const std::string& flag, std::vector<T>& into, Parse parse,
                    const FlagHelp& help) {
    const auto take = [&into, parse](const std::string& text) -> core::Result<void> {
      return parse(text).map([&into](T&& value) { into.push_back(std::move(value)); });
    };
    add_flag(flag, take, /*repeated=*/true, help);
  }
  /// The word that stands without a flag, which must be given.
  template <class Into, class Parse>
  void positional(const std::string& name, Into& into, Parse parse, const std::string& text) {
    const auto take = [&into, parse](const std::string& word) -> core::Result<void> {
      return parse(word).map([&into](auto value) { into = std::move(value); });
    };
    add_positional(name, take, text);
  }
  /// A flag without a value.
  void add_switch(const std::string& flag, bool& into, const std::string& text);
  /// Of these two flags only one may be given.
  void exclude(const std::string& flag, const std::string& other);

  enum class Outcome { kRun, kHelp };
  /// Reads `args` and the configuration file they name; the command line wins over the file.
  /// kHelp: help has been printed. Error: one line naming the flag, or file, line and key.
  core::Result<Outcome> parse(const std::vector<std::string>& args);

 private:
  using Take = std::function<core::Result<void>(const std::string& text)>;
  void add_flag(const std::string& flag, const Take& take, bool repeated, const FlagHelp& help);
  void add_positional(const std::string& name, const Take& take, const std::string& text);
  // CLI11's header costs seconds a file, so only command_line.cpp sees it.
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// `args` without `flag` and its value, in either spelling.
std::vector<std::string> without_flag(const std::vector<std::string>& args, std::string_view flag);

}  // namespace murmur::apps
