#include "apps/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "apps/local.hpp"
#include "apps/peer.hpp"
#include "apps/sim.hpp"
#include "apps/sim_fleet.hpp"
#include "tests/catch.hpp"
#include "tests/core/temp_dir.hpp"
#include "tests/core/tensor_files.hpp"

namespace murmur::apps {
namespace {

using murmur::testing::TempDir;
using murmur::testing::write_text;
using namespace std::chrono_literals;

Training training(const std::vector<std::string>& args) {
  PeerOptions options;
  const auto parsed = parse_peer(args, options);
  INFO((parsed ? std::string() : parsed.error().message));
  REQUIRE(parsed);
  return options.training;
}

TEST_CASE("the flags reach the protocol's configuration") {
  const auto config = gossip_config(
      training({"--steps", "70", "--duration", "3s", "--rule", "none", "--exchange-every", "8",
                "--codec", "fp32", "--staleness", "bounded:9", "--settle", "1s", "--linger", "0",
                "--eval-every", "16"}),
      100);
  CHECK(config.steps_max == 70);
  CHECK(config.duration_max == 3s);
  CHECK(config.rule == gossip::Rule::kNone);
  CHECK(config.exchange_every == 8);
  CHECK(config.offer_codec == core::Codec::kFp32);
  CHECK(config.transfer_codec == core::Codec::kFp32);
  CHECK(config.staleness.kind == gossip::StalenessPolicy::Kind::kBounded);
  CHECK(config.staleness.bound == 9);
  CHECK(config.settle_max == 1s);
  CHECK(config.linger == 0s);
  CHECK(config.eval_every == 16);
}

TEST_CASE("without flags the protocol's defaults stand") {
  const auto config = gossip_config(training({}), 100);
  const gossip::Config standard;
  CHECK(config.steps_max == 0);
  CHECK(config.offer_codec == standard.offer_codec);
  CHECK(config.transfer_codec == standard.transfer_codec);
  CHECK(config.staleness.kind == standard.staleness.kind);
  CHECK(config.settle_max == standard.settle_max);
}

TEST_CASE("an epoch is as many batches as cover the part") {
  CHECK(gossip_config(training({"--epochs", "3", "--batch", "32"}), 100).steps_max == 12);
  CHECK(gossip_config(training({"--epochs", "3", "--batch", "50"}), 100).steps_max == 6);
}

TEST_CASE("int8 writes offers in fp16") {
  const Training t = training({"--codec", "int8"});
  CHECK(t.codecs.offer == core::Codec::kFp16);
  CHECK(t.codecs.transfer == core::Codec::kInt8);
}

TEST_CASE("the learning rate defaults by optimizer") {
  const auto task = load_task(training({})).value();
  const auto spec = [&](const Training& t) { return replica_spec(task, t, task.train, 0, 1); };
  CHECK(spec(training({})).optimizer.learning_rate == 0.05F);
  CHECK(spec(training({"--optimizer", "adamw"})).optimizer.learning_rate == 0.001F);
  CHECK(spec(training({"--optimizer", "adam", "--lr", "0.5"})).optimizer.learning_rate == 0.5F);
  CHECK(spec(training({"--optimizer", "nesterov"})).optimizer.nesterov);
}

TEST_CASE("each data set has a model of its own shape") {
  CHECK(core::to_string(load_task(training({})).value().model) == "mlp:64-128-10");
  CHECK(core::to_string(load_task(training({"--data", "linear"})).value().model) == "linear");
  const TempDir dir;
  write_text(dir / "x.csv", "1,2,0\n3,4,2\n5,6,1\n");
  const std::string csv = "csv:" + (dir / "x.csv").string();
  CHECK(core::to_string(load_task(training({"--data", csv})).value().model) == "mlp:2-64-3");
}

TEST_CASE("a model that does not fit the data is refused") {
  const auto error = [](const std::vector<std::string>& args) {
    const auto task = load_task(training(args));
    return task ? "(none)" : task.error().message;
  };
  CHECK(error({"--model", "mlp:63-10"}) == "model mlp:63-10 takes 63 features, digits has 64");
  CHECK(error({"--model", "mlp:64-9"}) == "model mlp:64-9 tells 9 classes apart, digits has 10");
  CHECK(error({"--data", "linear", "--model", "mlp:2-1"}) ==
        "model mlp:2-1 takes 2 features, linear has 1");
  CHECK(error({"--data", "linear", "--model", "mlp:1-8-2"}) ==
        "model mlp:1-8-2 gives 2 numbers, linear has 1 targets");
}

TEST_CASE("a text is cut into rows of the model's context, and into parts in one piece") {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>('a' + i % 26);
  write_text(dir / "t.txt", text);
  const std::string data = "text:" + (dir / "t.txt").string();
  const auto t = training({"--data", data, "--model", "gpt:layers=1,heads=1,width=8,context=16"});
  const auto task = load_task(t);
  REQUIRE(task);
  CHECK(task->classes == 256);
  CHECK(task->train->width == 16);
  CHECK(task->train->rows == (900 - 16) / 16);
  CHECK(task->held_out->rows == (100 - 16) / 16);
  const auto part = part_of(*task, t, 1, 3);
  REQUIRE(part);
  CHECK((*part)->tokens.size() == 300);
  CHECK((*part)->tokens.front() == 'a' + 300 % 26);
  CHECK((*part)->rows == (300 - 16) / 16);

  const auto error = [&](const std::string& model) {
    const auto refused = load_task(training({"--data", data, "--model", model}));
    return refused ? "(none)" : refused.error().message;
  };
  CHECK(error("mlp:16-256") == "model mlp:16-256 does not take the 256 tokens of text");
  CHECK(error("gpt:context=64,heads=1,layers=1,width=8") ==
        "text: 100 tokens of a part are too few for a context of 64: 128 are one row");
  CHECK(part_of(*task, t, 1, 40).error().message ==
        "text: 23 tokens of a part are too few for a context of 16: 32 are one row");
  CHECK(part_of(*task,
                training({"--data", data, "--partition", "dirichlet:1", "--model",
                          "gpt:layers=1,heads=1,width=8,context=16"}),
                0, 2)
            .error()
            .message == "--partition dirichlet: a text has no classes");
}

TEST_CASE("a model of tokens and one with targets train from tensors prepared elsewhere") {
  const TempDir dir;
  const auto last_loss = [](const Training& t) {
    const auto task = load_task(t);
    INFO((task ? std::string() : task.error().message));
    REQUIRE(task);
    auto replica = gpu::make_replica(replica_spec(*task, t, task->train, 0, 1));
    INFO((replica ? std::string() : replica.error().message));
    REQUIRE(replica);
    const double first = (*replica)->evaluate().loss;
    (*replica)->train(60);
    CHECK((*replica)->evaluate().loss < first / 2);
  };
  std::vector<std::uint8_t> tokens;
  std::vector<std::int64_t> next;
  std::vector<float> numbers, targets;
  for (std::size_t i = 0; i < 40 * 8; ++i) {
    tokens.push_back(static_cast<std::uint8_t>(i * 3 % 7));
    next.push_back(static_cast<std::int64_t>((i + 1) * 3 % 7));
    numbers.push_back(static_cast<float>(i % 11) / 11);
  }
  for (std::size_t i = 0; i < 40; ++i) targets.push_back(numbers[8 * i] - numbers[8 * i + 3] + 3);
  write_text(dir / "text.safetensors", murmur::testing::TensorsFile()
                                           .add("x", "U8", "[40,8]", tokens)
                                           .add("y", "I64", "[40,8]", next)
                                           .text());
  write_text(dir / "floats.safetensors", murmur::testing::TensorsFile()
                                             .add("x", "F32", "[40,8]", numbers)
                                             .add("y", "F32", "[40]", targets)
                                             .text());
  const std::string text = "tensors:" + (dir / "text.safetensors").string();
  last_loss(training({"--data", text, "--model", "gpt:layers=1,heads=1,width=16,context=8",
                      "--optimizer", "adamw", "--lr", "0.01"}));
  last_loss(training({"--data", "tensors:" + (dir / "floats.safetensors").string()}));
  CHECK(load_task(training({"--data", text}))
            .error()
            .message.ends_with("classes at 8 positions a row need a --model"));
}

TEST_CASE("tokens that were checked stay as they were, whatever becomes of their file") {
  const TempDir dir;
  const std::vector<std::uint8_t> tokens(40 * 8, 6);
  const auto file = dir / "text.safetensors";
  write_text(file, murmur::testing::TensorsFile()
                       .add("x", "U8", "[40,8]", tokens)
                       .add("y", "I64", "[40,8]", std::vector<std::int64_t>(40 * 8, 1))
                       .text());
  const auto task = load_task(training({"--data", "tensors:" + file.string(), "--model",
                                        "gpt:layers=1,heads=1,width=16,context=8"}));
  REQUIRE(task);
  const std::size_t size = std::filesystem::file_size(file);
  std::fstream(file, std::ios::binary | std::ios::in | std::ios::out) << std::string(size, '\xff');
  const auto rows = task->train->bytes.gather(8);
  CHECK(rows.size() == 32 * 8);
  CHECK(std::all_of(rows.begin(), rows.end(), [](std::uint8_t token) { return token == 6; }));
}

TEST_CASE("a step of several batches is counted once") {
  CHECK(gossip_config(training({"--epochs", "3", "--accumulate", "4"}), 320).steps_max == 8);
  const Training t = training({"--augment", "flip,crop:4", "--accumulate", "3"});
  CHECK(t.augment.flip);
  CHECK(t.augment.crop == 4);
  CHECK(t.accumulate == 3);
}

TEST_CASE("a simulation without a limit ends at a thousand steps, one with a limit at that") {
  SimOptions free;
  REQUIRE(parse_sim({}, free));
  CHECK(free.training.steps == 1000);
  SimOptions timed;
  REQUIRE(parse_sim({"--duration", "5s"}, timed));
  CHECK(timed.training.steps == 0);
}

TEST_CASE("a simulated peer's steps, and the end of its cosine, are of its own part") {
  SimOptions o;
  REQUIRE(parse_sim({"--partition", "dirichlet:0.3", "--epochs", "2", "--schedule", "cosine"}, o));
  const auto fleet = SimFleet::make(o);
  REQUIRE(fleet);
  const sim::SimConfig config = fleet->config();
  const auto task = load_task(o.training).value();
  std::set<std::uint64_t> steps;
  for (std::size_t i = 0; i < o.peers; ++i) {
    const auto part = part_of(task, o.training, i, o.peers).value();
    const auto schedule = replica_spec(task, o.training, part, i, 1).optimizer.schedule;
    CHECK(config_of(config, i).steps_max == schedule.horizon);
    steps.insert(schedule.horizon);
  }
  CHECK(steps.size() > 1);
  // Long enough for most parts, but not for the smallest.
  o.training.warmup = *steps.begin();
  const auto refused = SimFleet::make(o);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find(fmt::format("it ends at step {0}, before {0} steps",
                                                 *steps.begin())) != std::string::npos);
}

TEST_CASE("the simulator's faults are read, and refused where they cannot be") {
  SimOptions o;
  REQUIRE(parse_sim({"--peers",       "8",       "--loss",   "20%",         "--duplicate",
                     "0.1",           "--delay", "exp:50ms", "--bandwidth", "1MB",
                     "--straggler",   "5:10",    "--crash",  "3@4s+2s",     "--crash",
                     "1@5s+3s:empty", "--cut",   "5s+10s",   "--step-time", "uniform:5ms:15ms"},
                    o));
  CHECK(o.faults.loss == 0.2);
  CHECK(o.faults.duplicate == 0.1);
  CHECK(o.faults.bandwidth == 1e6);
  CHECK(o.faults.stragglers.size() == 1);
  REQUIRE(o.faults.crashes.size() == 2);
  CHECK_FALSE(o.faults.crashes[1].keep_state);
  CHECK(o.faults.cuts.size() == 1);
  CHECK(o.step_time.high == 15ms);
  SimOptions none;
  CHECK_FALSE(parse_sim({"--peers", "2", "--crash", "2@1s"}, none));
}

TEST_CASE("a peer tells its neighbours the learning rate that it trains at") {
  PeerOptions o;
  const bool given = GENERATE(false, true);
  REQUIRE(parse_peer(given ? std::vector<std::string>{"--lr", "10"}
                           : std::vector<std::string>{"--optimizer", "adam"},
                     o));
  const auto words = gossip_config(o.training, 100).words;
  CHECK(std::count(words.begin(), words.end(), given ? "lr=10" : "lr=0.001") == 1);
}

TEST_CASE("a schedule ends where it says, or at the last step") {
  const auto schedule = [](const std::vector<std::string>& args) {
    const Training t = training(args);
    const auto task = load_task(t);
    REQUIRE(task);
    const auto words = gossip_config(t, task->train->rows).words;
    const auto word = std::find_if(words.begin(), words.end(),
                                   [](const auto& w) { return w.starts_with("schedule="); });
    REQUIRE(word != words.end());
    return std::pair(replica_spec(*task, t, task->train, 0, 1).optimizer.schedule, *word);
  };
  using Kind = gpu::Schedule::Kind;
  const auto [constant, as_before] = schedule({});
  CHECK(constant.kind == Kind::kConstant);
  CHECK(as_before == "schedule=constant");
  CHECK(schedule({"--steps", "70"}).first.kind == Kind::kConstant);
  const auto [automatic, automatic_word] = schedule({"--epochs", "2", "--batch", "100"});
  CHECK(automatic.kind == Kind::kCosine);
  CHECK(automatic.horizon == 30);
  CHECK(automatic_word == "schedule=cosine-over-2-epochs-of-100");
  CHECK(schedule({"--schedule", "auto", "--epochs", "2", "--batch", "100"}).second ==
        automatic_word);
  CHECK(schedule({"--schedule", "constant", "--epochs", "2"}).first.kind == Kind::kConstant);
  const auto [own, own_word] = schedule({"--schedule", "cosine:700", "--steps", "70"});
  CHECK(own.horizon == 700);
  CHECK(own_word == "schedule=cosine:700");
  const auto [last, last_word] =
      schedule({"--schedule", "cosine", "--warmup", "5", "--epochs", "2", "--batch", "100"});
  CHECK(last.horizon == 30);
  CHECK(last.warmup == 5);
  CHECK(last_word == "schedule=cosine-over-2-epochs-of-100-after-5");
  const auto [step, step_word] = schedule({"--schedule", "step:10:0.5"});
  CHECK(step.every == 10);
  CHECK(step.factor == 0.5);
  CHECK(step_word == "schedule=step:10:0.5");
}

TEST_CASE("flags that local sets for each peer cannot be given to the peers") {
  for (const char* flag :
       {"--part=0/2", "--join=127.0.0.1:1", "--out=x", "--state=x", "--listen=127.0.0.1:7000"}) {
    LocalOptions o;
    const auto parsed = parse_local({"--peers", "2", "--", flag}, o);
    INFO(flag);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find("is set by murmur local") != std::string::npos);
  }
  LocalOptions o;
  REQUIRE(parse_local({"--peers", "3", "--", "--steps", "5"}, o));
  CHECK(o.peers == 3);
  CHECK(o.peer.training.steps == 5);
}

}  // namespace
}  // namespace murmur::apps
