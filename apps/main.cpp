// murmur: trains one model on many machines, with no server and no master copy.
#include <fmt/format.h>

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "apps/console.hpp"
#include "apps/eval.hpp"
#include "apps/generate.hpp"
#include "apps/keygen.hpp"
#include "apps/local.hpp"
#include "apps/nearest.hpp"
#include "apps/peer.hpp"
#include "apps/sim.hpp"

namespace {

using namespace murmur;

constexpr std::string_view kHelp =
    R"(murmur trains one model on many machines, with no server, no barrier and no master copy.

Usage: murmur COMMAND [FLAGS]

Commands:
  peer      Run one peer: train on one part of the data, exchange with random neighbours.
  local     Start several peers on this machine and watch them in one table.
  sim       Run a whole fleet in one process and virtual time, with faults.
  eval      Say how good a saved model is on a data set.
  generate  Write text with a saved language model.
  keygen    Make the key of a swarm, for machines that nobody watches.

murmur COMMAND --help says all about a command. To see it work:
  murmur local --peers 4 -- --duration 15s
)";

struct Command {
  std::string_view name;
  core::Result<int> (*run)(const std::vector<std::string>& args);
};
constexpr Command kCommands[] = {{"peer", apps::run_peer},         {"local", apps::run_local},
                                 {"sim", apps::run_sim},           {"eval", apps::run_eval},
                                 {"generate", apps::run_generate}, {"keygen", apps::run_keygen}};

core::Result<int> run(const std::vector<std::string>& args) {
  if (args.empty())
    return core::fail(
        "a command is needed: peer, local, sim, eval, generate or keygen; see murmur --help");
  if (args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    apps::say(kHelp);
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (command.name == args[0]) return command.run({args.begin() + 1, args.end()});
    names.emplace_back(command.name);
  }
  return core::fail(
      fmt::format("there is no command '{}'; {}", args[0], apps::nearest_hint(args[0], names)));
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kRefused = 2;
  apps::prepare_streams();
  const auto status = [&]() -> core::Result<int> {
    try {
      return run({argv + 1, argv + argc});
    } catch (const std::bad_alloc&) {
      return core::fail("out of memory");
    } catch (const std::exception& error) {  // a thread that cannot be started, mostly
      return core::fail(error.what());
    }
  }();
  if (status) return *status;
  apps::complain(status.error().message);
  return kRefused;
}
