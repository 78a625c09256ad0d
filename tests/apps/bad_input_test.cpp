// Bad input, each kind tried on the program itself: status 2, one line, nothing left behind.
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include "tests/apps/held_port.hpp"
#include "tests/apps/program.hpp"
#include "tests/catch.hpp"
#include "tests/core/idx_files.hpp"
#include "tests/core/temp_dir.hpp"

namespace murmur::testing {
namespace {

namespace fs = std::filesystem;

/// Everything beneath `dir`, and how large it is.
std::vector<std::string> contents(const TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(dir.path())) {
    names.push_back(entry.path().string() +
                    (entry.is_regular_file() ? " " + std::to_string(entry.file_size()) : ""));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Runs `args` with --out and --state beneath a folder that holds the files of a bad day.
struct BadDay {
  TempDir dir;
  HeldPort held;

  BadDay() {
    write_gzip(dir / "whole.gz", "1,2,0\n3,4,1\n5,6,0\n");
    const std::string whole = read_text(dir / "whole.gz");
    write_text(dir / "cut.csv.gz", whole.substr(0, whole.size() / 2));
    write_text(dir / "label.csv", "1,2,0\n3,4,12\n");
    write_text(dir / "word.csv", "1,2,0\n3,four,1\n");
    fs::create_directory(dir / "wavs");
    write_text(dir / "wavs/a_0.wav", "RIFF");
    fs::create_directory(dir / "hollow");
    write_text(dir / "short.txt", "some words and no more than these few");
    write_text(dir / "empty.txt", "");
    write_text(dir / "layer.toml", "input = [64]\nlayer = [{type = \"liner\", outputs = 10}]\n");
    write_text(dir / "fits.toml", "input = [63]\nlayer = [{type = \"linear\", outputs = 10}]\n");
    write_text(dir / "ragged.csv", "1,2,0\n3,1\n");
    fs::create_directory(dir / "idx");
    const std::string huge = big_endian(0xffffffff);
    write_text(dir / "idx/train-images-idx3-ubyte", big_endian(0x803) + huge + huge + huge + "x");
    write_text(dir / "idx/train-labels-idx1-ubyte", idx_labels({1}));
    fs::create_directory(dir / "label");
    write_text(dir / "label/train-images-idx3-ubyte", idx_images(2, 28, 28));
    write_text(dir / "label/train-labels-idx1-ubyte", idx_labels({1, 10}));
    write_text(dir / "file", "");
    write_text(dir / "malformed.toml", "lr = 0.05\nsteps = = 3\n");
    write_text(dir / "key.toml", "lr = 0.05\nstep = 3\n");
    write_text(dir / "value.toml", "steps = \"many\"\n");
    fs::create_directory(dir / "state");
    write_text(dir / "state/identity.json", "rubbish");
  }

  void refuses(std::vector<std::string> args, const std::string& expected) {
    for (std::string& arg : args) {
      if (const auto at = arg.find("DIR"); at != std::string::npos) {
        arg.replace(at, 3, dir.path().string());
      }
      if (arg == "HELD") arg = held.address();
    }
    std::string command;
    for (const std::string& arg : args) command += " " + arg;
    INFO("murmur" << command);
    const auto before = contents(dir);
    const Said said = run_program(args);
    CHECK(said.status == 2);
    CHECK(said.out.empty());
    CHECK(said.err.starts_with("murmur: "));
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 1);
    INFO(said.err);
    CHECK(said.err.find(expected) != std::string::npos);
    CHECK(contents(dir) == before);
  }
};

TEST_CASE_METHOD(BadDay, "flags and commands that do not exist are refused with the nearest") {
  refuses({"peer", "--step", "4"}, "no flag --step; the nearest is --steps");
  refuses({"local", "--peer", "4"}, "no flag --peer; the nearest is --peers");
  refuses({"local", "--peers", "2", "--", "--lrr=1"}, "no flag --lrr; the nearest is --lr");
  refuses({"sim", "--los", "4"}, "no flag --los; the nearest is --loss");
  refuses({"pear"}, "no command 'pear'; the nearest is peer");
  refuses({"dove"}, "no command 'dove'; see --help");
  refuses({}, "a command is needed");
  refuses({"peer", "word"}, "unexpected argument 'word'");
  refuses({"peer", "--l\nr\x1b[2J", "1"}, "no flag --l r [2J; ");
}

TEST_CASE_METHOD(BadDay, "values outside their limits are refused") {
  refuses({"peer", "--part", "5/4"}, "--part: part 5/4: 5 > 3, the last of 4");
  refuses({"peer", "--part", "0/2000"}, "2000 parts of 1437 rows");
  refuses({"local", "--peers", "0"}, "--peers: '0' is not a number in 1..");
  refuses({"sim", "--peers", "0"}, "--peers: '0' is not a number in 1..");
  refuses({"peer", "--save-every", "0s"}, "--save-every: 0 would never save");
  refuses({"local", "--", "--save-every", "0s"}, "--save-every: 0 would never save");
  refuses({"peer", "--lr", "0"}, "--lr: '0' is not a number above 0, up to 1000000");
  refuses({"sim", "--lr", "nan"}, "--lr: 'nan' is not a number above 0");
  refuses({"local", "--", "--momentum", "1"}, "--momentum: '1' is not a number from 0, below 1");
  refuses({"peer", "--momentum", "inf"}, "--momentum: 'inf' is not");
  refuses({"peer", "--weight-decay=-1"}, "--weight-decay: '-1' is not a number in 0..");
  refuses({"peer", "--weight-decay", "nan"}, "--weight-decay: 'nan' is not");
  for (const char* schedule : {"", "cosin", "cosine:", "cosine:0", "cosine:5:1", "step", "step:0",
                               "step:5:", "step:5:1", "step:5:0.1:2", "constant:1"}) {
    refuses({"peer", "--schedule", schedule},
            "is none of auto, constant, cosine[:STEPS], step:STEPS");
  }
  refuses({"peer", "--schedule", "cosine"}, "give cosine:STEPS, --steps or --epochs");
  refuses({"peer", "--epochs", "1", "--warmup", "99"},
          "it ends at step 45, before 99 steps of warm-up do");
  refuses({"peer", "--schedule", "cosine:9", "--warmup", "9"},
          "it ends at step 9, before 9 steps of warm-up do");
  refuses({"sim", "--model", "quadratic:8", "--warmup", "9"}, "at a constant rate");
  refuses({"sim", "--model", "quadratic:8", "--init", "x"}, "--init: quadratic:8 draws its own");
  refuses({"peer", "--init", "/nonexistent"}, "--init: /nonexistent: ");
  refuses({"peer", "--clip-norm", "-1"}, "--clip-norm: '-1' is not a number in 0..");
  refuses({"sim", "--model", "quadratic:8", "--clip-norm", "1"}, "without clipping");
  refuses({"peer", "--batch", "0"}, "--batch: '0' is not a number in 1..");
  refuses({"peer", "--batch", "100000"}, "--batch: '100000' is not a number in 1..65535");
  refuses({"peer", "--accumulate", "0"}, "--accumulate: '0' is not a number in 1..65535");
  for (const char* ways : {"flop", "crop", "crop:0", "flip,crop:x", "crop:-1"}) {
    refuses({"peer", "--augment", ways}, "is neither flip nor crop:PIXELS with PIXELS in 1..1024");
  }
  for (const char* flag : {"--accumulate=2", "--augment=flip"}) {
    refuses({"sim", "--model", "quadratic:8", flag}, "have no batches to accumulate or augment");
  }
  refuses({"peer", "--augment", "flip"}, "mlp:64-128-10 takes 64, and no image of channels, rows");
  refuses({"peer", "--batch", "inf"}, "--batch: 'inf' is not");
  refuses({"sim", "--loss", "1"}, "--loss: '1' is not a share from 0, below 1 or 100%");
  refuses({"sim", "--duplicate", "100%"}, "--duplicate: '100%' is not a share");
  refuses({"sim", "--bandwidth", "1e-9"},
          "--bandwidth: '1e-9' is not bytes a second: 0, or from 1");
  refuses({"sim", "--step-time", "uniform:1ms:21s"}, "--step-time: a step takes over 20s");
  refuses({"sim", "--step-time", "1s", "--straggler", "1:5", "--straggler", "1:5"},
          "--straggler: a step of peer 1 takes over 20s");
  refuses({"peer", "--model", "mlp:64-0"}, "width '0' is not in 1..65536");
  refuses({"peer", "--device", "cuda:7"}, "cuda:7");
  refuses({"peer", "--device", "tpu"}, "tpu");
  refuses({"peer", "--model", "quadratic:8"}, "for murmur sim alone");
  refuses({"sim", "--crash", "4@1s"}, "there are peers 0 to 3");
}

TEST_CASE_METHOD(BadDay, "data that is missing, cut, lying or out of range is refused") {
  refuses({"peer", "--data", "csv:DIR/none.csv"}, "none.csv: cannot read: No such file");
  refuses({"peer", "--data", "csv:DIR/no\nsuch\t.csv"}, "no such .csv: cannot read: No such file");
  refuses({"peer", "--data", "mnist:DIR/none"}, "neither train-images-idx3-ubyte nor");
  refuses({"peer", "--data", "csv:DIR/cut.csv.gz"}, "cut.csv.gz: gzip data ends early, after ");
  refuses({"peer", "--data", "mnist:DIR/idx"},
          "the header says 4294967295 x 4294967295 x 4294967295, but 1 bytes follow it");
  refuses({"peer", "--data", "mnist:DIR/label", "--model", "mlp:784-10"}, "item 1: label 10 > 9");
  refuses({"peer", "--data", "csv:DIR/label.csv", "--model", "mlp:2-10"},
          "label.csv:2: label 12 is not in 0..9");
  refuses({"peer", "--data", "csv:DIR/word.csv"}, "word.csv:2: column 2: 'four'");
  refuses({"peer", "--data", "wav:DIR/wavs"}, "wavs/a_0.wav: not a WAV file that can be read");
  refuses({"peer", "--data", "wav:DIR/hollow"}, "hollow: no .wav in it or its folders");
  refuses({"peer", "--data", "text:DIR/empty.txt"}, "empty.txt: a text of 0 bytes, fewer than 20");
  refuses({"peer", "--data", "text:DIR/short.txt"}, "too few for a context of 128");
  refuses({"peer", "--data", "text:DIR/short.txt", "--model", "gpt:heads=3"},
          "3 heads do not divide a width of 128");
  refuses({"peer", "--model", "DIR/layer.toml"},
          "model 'layer.toml': layer 0: 'liner' is no type of layer");
  refuses({"peer", "--model", "DIR/fits.toml"}, "model fits.toml takes 63 features, digits has 64");
  refuses({"peer", "--data", "csv-targets:DIR/word.csv"}, "word.csv:2: column 2: 'four'");
  refuses({"peer", "--data", "csv:DIR/ragged.csv"}, "ragged.csv:2: 2 columns, not 3");
  refuses({"local", "--peers", "2", "--", "--data", "csv:DIR/none.csv"}, "none.csv: cannot read");
  refuses({"sim", "--data", "csv:DIR/none.csv"}, "none.csv: cannot read");
}

TEST_CASE_METHOD(BadDay, "addresses that cannot be used are refused, and no folder is made") {
  const std::vector<std::string> folders = {"--out", "DIR/new/out", "--state", "DIR/new/state"};
  const auto with_folders = [&](std::vector<std::string> args) {
    args.insert(args.end(), folders.begin(), folders.end());
    return args;
  };
  refuses(with_folders({"peer", "--listen", "HELD"}), "in use");
  refuses(with_folders({"peer", "--join", "no.such.host.invalid:7000"}), "no.such.host.invalid");
  refuses(with_folders({"peer", "--join", "localhost"}), "localhost");
  refuses(with_folders({"peer", "--listen", "127.0.0.1:70000"}), "70000");
  refuses(with_folders({"peer", "--listen", "0.0.0.0:0"}), "--insecure");
  const std::string own = HeldPort().address();  // free again
  refuses(with_folders({"peer", "--listen", own, "--join", own}), "is this peer itself");
}

TEST_CASE_METHOD(BadDay, "keys that cannot be used are refused, and none is written over") {
  REQUIRE(run_program({"keygen", (dir / "key").string()}).status == 0);
  fs::copy(dir / "key", dir / "open");
  fs::permissions(dir / "open", fs::perms(0644));
  fs::copy(dir / "key", dir / "damaged");
  std::string text = read_text(dir / "key");
  text[30] = text[30] == '0' ? '1' : '0';
  write_text(dir / "damaged", text);
  write_text(dir / "trusted", "# nobody\nrubbish one\n");
  refuses({"keygen"}, "keygen takes one FILE, and was given 0");
  refuses({"keygen", "DIR/key"}, "key: it is there already, and stays");
  refuses({"keygen", "DIR/none/key"}, "none/key: cannot write");
  refuses({"keygen", "--show", "DIR/none"}, "none: cannot read");
  refuses({"peer", "--key", "DIR/none"}, "none: cannot read");
  refuses({"peer", "--key", "DIR/open"}, "open: a secret that others may use, of mode 0644");
  refuses({"peer", "--key", "DIR/damaged"}, "damaged: a swarm key that is damaged");
  refuses({"peer", "--key", "DIR/label.csv", "--out", "DIR/new"}, "label.csv: ");
  refuses({"local", "--", "--key", "DIR/damaged"}, "damaged: a swarm key that is damaged");
  refuses({"peer", "--key", "DIR/key", "--key", "DIR/key", "--key", "DIR/key"},
          "--key: 3 files > 2");
  refuses({"peer", "--trust", "DIR/trusted"}, "--trust: without --key nobody can show who it is");
  refuses({"peer", "--key", "DIR/key", "--trust", "DIR/none"}, "none: cannot read");
  refuses({"peer", "--key", "DIR/key", "--trust", "DIR/trusted"},
          "trusted:2: 'rubbish' is not a public key");
  refuses({"peer", "--listen", "0.0.0.0:0"}, "it is not loopback, and without --key messages are");
}

TEST_CASE_METHOD(BadDay, "folders that cannot be written are refused") {
  refuses({"peer", "--out", "DIR/file/out"}, "file/out: cannot create");
  refuses({"peer", "--out", "DIR/new", "--state", "DIR/file/state"}, "file/state: cannot create");
  refuses({"local", "--out", "DIR/file/out", "--", "--steps", "5"}, "file/out: cannot create");
  refuses({"sim", "--out", "DIR/file/out"}, "file/out: cannot create");
}

TEST_CASE_METHOD(BadDay, "the results of an earlier run are not replaced") {
  for (const char* run : {"summary", "summary/peer-2", "metrics/peer-2", "alone/alone/peer-2"}) {
    fs::create_directories(dir / run);
    const bool summary = std::string(run).starts_with("summary");
    write_text(dir / run / (summary ? "summary.json" : "metrics.jsonl"), R"({"event":"start"})"
                                                                         "\n"
                                                                         R"({"event":"evaluation"})"
                                                                         "\n");
  }
  const std::string advice = " is of an earlier run; give another --out";
  refuses({"peer", "--out", "DIR/summary"}, "summary/summary.json" + advice);
  refuses({"peer", "--out", "DIR/metrics/peer-2"}, "metrics/peer-2/metrics.jsonl" + advice);
  refuses({"local", "--out", "DIR/summary"}, "summary/summary.json" + advice);
  refuses({"local", "--out", "DIR/metrics"}, "metrics/peer-2/metrics.jsonl" + advice);
  refuses({"local", "--out", "DIR/alone", "--alone"}, "alone/alone/peer-2/metrics.jsonl" + advice);
  refuses({"sim", "--out", "DIR/summary"}, "summary/summary.json" + advice);
  refuses({"sim", "--out", "DIR/metrics"}, "metrics/peer-2/metrics.jsonl" + advice);
  refuses({"peer", "--out", "DIR/summary", "--state", "DIR/new"}, "summary/summary.json" + advice);
}

TEST_CASE_METHOD(BadDay, "flags that local sets for its peers are refused") {
  refuses({"local", "--", "--out", "DIR/new"}, "--out is set by murmur local for each peer; give");
  refuses({"local", "--", "--state", "DIR/new"}, "give it before --");
  refuses({"local", "--", "--join", "127.0.0.1:7000"}, "--join is set by murmur local");
}

TEST_CASE_METHOD(BadDay, "what a peer would refuse is refused before local starts any") {
  const auto local = [&](std::vector<std::string> flags, const std::string& expected) {
    std::vector<std::string> args = {"local", "--peers", "2", "--out", "DIR/new", "--"};
    args.insert(args.end(), flags.begin(), flags.end());
    refuses(args, expected);
  };
  local({"--augment", "flip"}, "mlp:64-128-10 takes 64, and no image of channels, rows");
  local({"--optimizer", "nesterov", "--momentum", "0"}, "Nesterov's method needs a momentum");
  local({"--schedule", "cosine:9", "--warmup", "9"}, "it ends at step 9, before 9 steps of warm");
}

TEST_CASE("a folder for temporary files that is not there is named") {
  const TempDir dir;
  const pid_t pid = start_program({"local", "--peers", "2"}, dir,
                                  [] { ::setenv("TMPDIR", "/no/such/folder", 1); });
  const Said said = wait_for(pid, dir);
  CHECK(said.status == 2);
  CHECK(said.err.starts_with("murmur: /no/such/folder: cannot create a folder: "));
}

TEST_CASE("a flag given here wins over the one that it excludes in a configuration file") {
  const TempDir dir;
  write_text(dir / "a.toml", "epochs = 2\n");
  const Said said = run_program({"peer", "--config", (dir / "a.toml").string(), "--steps", "7"});
  CHECK(said.status == 0);
  CHECK(said.out.find("ended at step 7:") != std::string::npos);
}

TEST_CASE("memory that does not suffice is one line and status 2") {
  if (MURMUR_SANITIZED) return;  // sanitizers reserve terabytes of address space
  const TempDir dir;
  const pid_t pid = start_program({"peer", "--model", "mlp:64-4000-40000-10"}, dir, [] {
    const rlimit limit{400'000'000, 400'000'000};
    ::setrlimit(RLIMIT_AS, &limit);
  });
  const Said said = wait_for(pid, dir);
  CHECK(said.status == 2);
  CHECK(said.err == "murmur: out of memory\n");
}

TEST_CASE_METHOD(BadDay, "a peer that never exchanges joins nobody") {
  refuses({"peer", "--rule", "none", "--join", "127.0.0.1:7000"},
          "--join: a peer with --rule none exchanges with nobody");
}

TEST_CASE_METHOD(BadDay, "a damaged identity is refused and stays as it is") {
  const auto before = read_text(dir / "state/identity.json");
  const Said said = run_program({"peer", "--state", (dir / "state").string(), "--steps", "5"});
  CHECK(said.status == 2);
  CHECK(said.err.find("identity.json: not an identity") != std::string::npos);
  CHECK(read_text(dir / "state/identity.json") == before);
}

TEST_CASE("a state folder whose parts are of different peers or boots is refused and not touched") {
  const TempDir dir;
  const auto run = [&dir](const char* state) {
    return run_program({"peer", "--data", "linear", "--steps", "20", "--settle", "0s", "--linger",
                        "0s", "--state", (dir / state).string()});
  };
  for (const char* state : {"a", "b"}) REQUIRE(run(state).status == 0);
  const std::string ours = read_text(dir / "a/identity.json");
  const std::string theirs = read_text(dir / "b/identity.json");
  const std::string of_before = ours.substr(0, ours.find(",\"crc32c")) + "}\n";
  std::string other_boot = ours;
  other_boot[ours.find("\"boot\":") + 7] = '3';
  std::string other_id = of_before;
  other_id[8] = ours[8] == '1' ? '2' : '1';
  const auto refuses = [&](const std::string& identity, const std::string& expected) {
    write_text(dir / "a/identity.json", identity);
    const Said said = run("a");
    INFO(said.err);
    CHECK(said.status == 2);
    CHECK(said.out.empty());
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 1);
    CHECK(said.err.find(expected) != std::string::npos);
    CHECK(read_text(dir / "a/identity.json") == identity);
  };
  refuses(other_boot, "identity.json: damaged: its checksum is not that of its id and boot");
  const std::string id = ours.substr(7, 32);
  refuses(other_id, "identity.key: of peer " + id + ", but identity.json is of peer ");
  refuses(theirs, "identity.key: of peer " + id + ", but identity.json is of peer ");
  fs::rename(dir / "a/identity.key", dir / "a/of_ours");
  refuses(ours, "identity.key: missing beside identity.json");
  fs::copy(dir / "b/identity.key", dir / "a/identity.key");
  refuses(theirs, "checkpoint: of peer " + id + ", but this is peer ");
  fs::rename(dir / "a/of_ours", dir / "a/identity.key");
  write_text(dir / "a/identity.json", of_before);
  CHECK(run("a").status == 0);
}

TEST_CASE_METHOD(BadDay, "configuration files are refused with file, line and key") {
  refuses({"peer", "--config", "DIR/none.toml"}, "none.toml: cannot read");
  refuses({"peer", "--config", "DIR/malformed.toml"}, "malformed.toml:2: ");
  refuses({"peer", "--config", "DIR/key.toml"},
          "key.toml:2: there is no key 'step'; the nearest is steps");
  refuses({"peer", "--config", "DIR/value.toml"}, "value.toml:1: steps: 'many' is not a number");
  refuses({"local", "--config", "DIR/key.toml"}, "key.toml:1: there is no key 'lr'");
}

}  // namespace
}  // namespace murmur::testing
