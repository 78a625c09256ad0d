#include "apps/keygen.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "apps/command_line.hpp"
#include "apps/console.hpp"
#include "apps/draw.hpp"
#include "apps/values.hpp"
#include "core/key_files.hpp"

namespace murmur::apps {
namespace {

constexpr const char* kDescription =
    "Makes a swarm's key: murmur keygen FILE. Who has the file may join the swarm's runs, with\n"
    "murmur peer --key FILE; who has not gets nothing in and nothing out.\n";

constexpr const char* kFooter =
    R"(FILE is readable by its owner alone, and must stay so on every machine that it is copied to.
One that is there already stays as it is.

To change a swarm's key while it runs, restart its peers one by one, three times: with
--key OLD --key NEW, then with --key NEW --key OLD, and at last with --key NEW. A peer listens with
the first and calls with whichever of the two fits.

Exit status: 0; 2 if a flag or a file was refused.

Examples:
  murmur keygen swarm.key
  scp -p swarm.key beta:
  murmur keygen --show swarm.key
  murmur keygen --show STATE/identity.key
)";

std::string swarm_line(const std::filesystem::path& file, const core::SwarmKey& key) {
  return fmt::format("{}: the key of swarm {:016x}\n", file.string(), core::swarm_id(key));
}

core::Result<int> show(const std::filesystem::path& file) {
  if (const auto swarm = core::read_swarm_key(file)) {
    say(swarm_line(file, *swarm));
    return 0;
  } else if (const auto identity = core::read_identity_key(file)) {
    const core::PublicKey shown = core::key_pair(*identity).shown;
    say(fmt::format("{}: the key of peer {}\n{} {}\n", file.string(),
                    core::to_string(core::peer_id(shown)), core::to_string(shown),
                    core::short_name(core::peer_id(shown))));
    return 0;
  } else {
    return tl::make_unexpected(swarm.error());
  }
}

core::Result<int> make(const std::filesystem::path& file) {
  const auto bytes = draw_secret();
  if (!bytes) return tl::make_unexpected(bytes.error());
  const core::SwarmKey key{*bytes};
  if (auto made = core::create_swarm_key(file, key); !made) {
    return tl::make_unexpected(made.error());
  }
  say(swarm_line(file, key));
  return 0;
}

}  // namespace

core::Result<int> run_keygen(const std::vector<std::string>& args) {
  std::vector<std::string> flags;
  std::vector<std::string> files;
  for (const std::string& arg : args) (arg.starts_with('-') ? flags : files).push_back(arg);
  CommandLine line("murmur keygen", kDescription);
  line.footer(kFooter);
  bool only_show = false;
  line.add_switch(
      "--show", only_show,
      "Make nothing, and say what may be known of FILE: of a swarm's key which swarm it\n"
      "is; of a peer's identity.key its line for --trust.");
  const auto parsed = line.parse(flags);
  if (!parsed) return tl::make_unexpected(parsed.error());
  if (*parsed == CommandLine::Outcome::kHelp) return 0;
  if (files.size() != 1) {
    return core::fail(fmt::format("keygen takes one FILE, and was given {}", files.size()));
  }
  return only_show ? show(files[0]) : make(files[0]);
}

}  // namespace murmur::apps
