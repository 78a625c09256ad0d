// One command's flags: CLI11, with every value read by a parser that explains itself, a
// configuration file, the nearest name for a name that does not exist, and one-line errors.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
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

  /// The flags added next are listed under `title`.
  void group(std::string title) { group_ = std::move(title); }
  /// Examples, files and exit status, at the end of --help.
  void footer(const std::string& text) { app_.footer(text); }

  /// `flag` ("--lr") takes one value, which `parse` (string_view -> Result<T>) puts into `into`.
  template <class Into, class Parse>
  CLI::Option* add(const std::string& flag, Into& into, Parse parse, const FlagHelp& help) {
    const auto take = [flag, &into, parse](const std::string& text) {
      auto value = parse(text);
      if (!value) throw CLI::ValidationError(flag, value.error().message);
      into = std::move(*value);
    };
    return describe(app_.add_option_function<std::string>(flag, take), help);
  }
  /// As add(), but the flag may be repeated; the values collect in `into`.
  template <class T, class Parse>
  CLI::Option* add_repeated(const std::string& flag, std::vector<T>& into, Parse parse,
                            const FlagHelp& help) {
    const auto take = [flag, &into, parse](const std::vector<std::string>& texts) {
      for (const std::string& text : texts) {
        auto value = parse(text);
        if (!value) throw CLI::ValidationError(flag, value.error().message);
        into.push_back(std::move(*value));
      }
    };
    auto* option = app_.add_option_function<std::vector<std::string>>(flag, take);
    return describe(option->allow_extra_args(false), help);
  }
  /// A flag without a value.
  void add_switch(const std::string& flag, bool& into, const std::string& text);

  enum class Outcome { kRun, kHelp };
  /// Reads `args` and the configuration file they name; the command line wins over the file.
  /// kHelp: help has been printed. Error: one line naming the flag, or file, line and key.
  core::Result<Outcome> parse(const std::vector<std::string>& args);

 private:
  CLI::Option* describe(CLI::Option* option, const FlagHelp& help);
  [[nodiscard]] std::vector<std::string> flags() const;
  /// `args` with what the configuration file adds.
  core::Result<std::vector<std::string>> with_config(const std::vector<std::string>& args);

  CLI::App app_;
  std::string group_ = "Options";
  std::vector<std::pair<std::string, std::string>> origins_;  ///< flag from the file, "FILE:LINE"
};

}  // namespace murmur::apps
