#include "apps/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/config_file.hpp"
#include "apps/console.hpp"
#include "apps/nearest.hpp"

namespace murmur::apps {
namespace {

constexpr std::size_t kHelpColumn = 38;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "--lr" of "--lr=0.1"; empty if it is no long flag.
std::string flag_of(const std::string& arg) {
  return arg.starts_with("--") ? arg.substr(0, arg.find('=')) : std::string();
}

}  // namespace

struct CommandLine::Impl {
  Impl(const std::string& name, const std::string& description) : app(description, name) {}

  CLI::App app;
  std::string group = "Options";
  std::vector<std::pair<std::string, std::string>> origins;  ///< flag from the file, "FILE:LINE"
  std::vector<std::pair<std::string, std::string>> exclusions;
  std::vector<std::string> positionals;

  [[nodiscard]] std::vector<std::string> flags() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
  }

  [[nodiscard]] bool is_switch(const std::string& flag) const {
    return app.get_option(flag)->get_items_expected_max() == 0;
  }
  [[nodiscard]] bool is_repeated(const std::string& flag) const {
    return app.get_option(flag)->get_items_expected_max() > 1;
  }

  [[nodiscard]] bool excludes(const std::string& flag, const std::string& other) const {
    return std::any_of(exclusions.begin(), exclusions.end(), [&](const auto& pair) {
      return pair == std::pair(flag, other) || pair == std::pair(other, flag);
    });
  }

  /// What `flag` expects, if a file's entry is of another kind; else empty.
  [[nodiscard]] std::string misfit(const std::string& flag, const ConfigEntry& entry) const {
    if (is_switch(flag)) {
      const bool fits = !entry.array && (entry.values[0] == "true" || entry.values[0] == "false");
      return fits ? "" : "true or false is expected";
    }
    return entry.array && !is_repeated(flag) ? "one value is expected, not an array" : "";
  }

  /// `args` with what the configuration file that they name adds.
  core::Result<std::vector<std::string>> with_config(const std::vector<std::string>& args) {
    std::string file;
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (flag_of(args[i]) != "--config") continue;
      const auto equals = args[i].find('=');
      if (equals == std::string::npos && i + 1 == args.size()) {
        return core::fail("--config needs a file");
      }
      file = equals == std::string::npos ? args[i + 1] : args[i].substr(equals + 1);
    }
    std::vector<std::string> all = args;
    if (file.empty()) return all;

    const auto entries = read_config(file);
    if (!entries) return tl::make_unexpected(entries.error());
    std::vector<std::string> keys;
    for (const std::string& flag : flags()) {
      if (flag != "--config" && flag != "--help") keys.push_back(flag.substr(2));
    }
    for (const ConfigEntry& entry : *entries) {
      const std::string where = fmt::format("{}:{}", file, entry.line);
      if (!contains(keys, entry.key)) {
        return core::fail(fmt::format("{}: there is no key '{}'; {}", where, entry.key,
                                      nearest_hint(entry.key, keys)));
      }
      const std::string flag = "--" + entry.key;
      if (const std::string expected = misfit(flag, entry); !expected.empty()) {
        return core::fail(fmt::format("{}: {}: {}", where, entry.key, expected));
      }
      const bool given = std::any_of(args.begin(), args.end(), [&](const std::string& arg) {
        return flag_of(arg) == flag || excludes(flag, flag_of(arg));
      });
      if (given) continue;
      origins.emplace_back(flag, where);
      for (const std::string& value : entry.values) all.push_back(flag + "=" + value);
    }
    return all;
  }
};

CommandLine::CommandLine(const std::string& name, const std::string& description)
    : impl_(std::make_unique<Impl>(name, description)) {
  CLI::App& app = impl_->app;
  app.get_formatter()->column_width(kHelpColumn);
  app.set_help_flag("-h,--help", "Show this and exit.");
  app.add_option("--config")
      ->type_name("FILE.toml")
      ->description(
          "Read flags from FILE: each key is a flag's name without its dashes,\n"
          "as in  lr = 0.05  or  duration = \"30s\". A flag given here wins.");
}

CommandLine::~CommandLine() = default;

void CommandLine::group(const std::string& title) { impl_->group = title; }

void CommandLine::footer(const std::string& text) { impl_->app.footer(text); }

void CommandLine::add_flag(const std::string& flag, const Take& take, bool repeated,
                           const FlagHelp& help) {
  const auto take_one = [flag, take](const std::string& text) {
    if (const auto taken = take(text); !taken) {
      throw CLI::ValidationError(flag, taken.error().message);
    }
  };
  const auto take_all = [take_one](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) take_one(text);
  };
  CLI::Option* const option =
      repeated ? impl_->app.add_option_function<std::vector<std::string>>(flag, take_all)
                     ->allow_extra_args(false)
               : impl_->app.add_option_function<std::string>(flag, take_one);
  option->type_name(help.type)->description(help.text)->group(impl_->group);
  if (!help.fallback.empty()) option->default_str(help.fallback);
}

void CommandLine::add_positional(const std::string& name, const Take& take,
                                 const std::string& text) {
  impl_->positionals.push_back(name);
  impl_->app
      .add_option_function<std::string>(name,
                                        [name, take](const std::string& word) {
                                          if (const auto taken = take(word); !taken) {
                                            throw CLI::ValidationError(name, taken.error().message);
                                          }
                                        })
      ->type_name("")
      ->description(text);
}

void CommandLine::add_switch(const std::string& flag, bool& into, const std::string& text) {
  impl_->app.add_flag(flag, into, text)->group(impl_->group);
}

void CommandLine::exclude(const std::string& flag, const std::string& other) {
  impl_->exclusions.emplace_back(flag, other);
  impl_->app.get_option(flag)->excludes(impl_->app.get_option(other));
}

core::Result<CommandLine::Outcome> CommandLine::parse(const std::vector<std::string>& args) {
  CLI::App& app = impl_->app;
  const std::vector<std::string> known = impl_->flags();
  for (const std::string& arg : args) {
    const std::string flag = flag_of(arg);
    if (!flag.empty() && !contains(known, flag)) {
      return core::fail(fmt::format("there is no flag {}; {}", flag, nearest_hint(flag, known)));
    }
  }
  if (contains(args, "--help") || contains(args, "-h")) {
    say(app.help());
    return Outcome::kHelp;
  }
  auto all = impl_->with_config(args);
  if (!all) return tl::make_unexpected(all.error());
  std::reverse(all->begin(), all->end());  // CLI11 takes them from the back
  try {
    app.parse(*all);
  } catch (const CLI::ExtrasError&) {
    // What looks like a flag has been dealt with above, so this is a word on its own.
    const auto extras = app.remaining();
    return core::fail(fmt::format("unexpected argument '{}'", extras.empty() ? "" : extras[0]));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string what = error.what();
    const std::string flag = what.substr(0, what.find(':'));
    const auto given = std::count_if(args.begin(), args.end(),
                                     [&](const auto& arg) { return flag_of(arg) == flag; });
    return core::fail(given > 1 ? fmt::format("{} takes one value, and was given {}", flag, given)
                                : fmt::format("{} needs a value", flag));
  } catch (const CLI::ParseError& error) {
    const std::string message = one_line(error.what());
    for (const auto& [flag, where] : impl_->origins) {
      if (message.starts_with(flag + ":")) return core::fail(where + ": " + message.substr(2));
    }
    return core::fail(message);
  }
  for (const std::string& name : impl_->positionals) {
    if (app.get_option(name)->count() == 0) return core::fail(name + " is to be given");
  }
  return Outcome::kRun;
}

std::vector<std::string> without_flag(const std::vector<std::string>& args, std::string_view flag) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == flag) {
      ++i;  // and its value
    } else if (flag_of(args[i]) != flag) {
      kept.push_back(args[i]);
    }
  }
  return kept;
}

}  // namespace murmur::apps
