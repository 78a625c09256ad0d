#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "apps/training.hpp"
#include "apps/values.hpp"

namespace murmur::apps {
namespace {

core::Result<Optimizer> parse_optimizer(std::string_view text) {
  if (text == "sgd") return Optimizer{gpu::OptimizerKind::kSgd, false};
  if (text == "nesterov") return Optimizer{gpu::OptimizerKind::kSgd, true};
  if (text == "adam") return Optimizer{gpu::OptimizerKind::kAdam, false};
  if (text == "adamw") return Optimizer{gpu::OptimizerKind::kAdamW, false};
  return core::fail(fmt::format("'{}' is none of sgd, nesterov, adam, adamw", text));
}

core::Result<std::optional<gpu::Schedule>> parse_schedule(std::string_view text) {
  using Kind = gpu::Schedule::Kind;
  if (text == "auto") return std::nullopt;
  gpu::Schedule schedule;
  const std::string_view name = text.substr(0, text.find(':'));
  std::string_view rest = text.substr(name.size());
  if (!rest.empty()) rest.remove_prefix(1);
  const std::string_view steps = rest.substr(0, rest.find(':'));
  const std::string_view factor = rest.substr(std::min(rest.size(), steps.size() + 1));
  const bool has_steps = name.size() < text.size();
  const bool has_factor = steps.size() < rest.size();
  if (name == "constant" && !has_steps) return schedule;
  if (name == "cosine" && !has_factor) {
    schedule.kind = Kind::kCosine;
    if (!has_steps || (read_number(steps, schedule.horizon) && schedule.horizon > 0)) {
      return schedule;
    }
  }
  if (name == "step" && read_number(steps, schedule.every) && schedule.every > 0) {
    schedule.kind = Kind::kStep;
    if (!has_factor ||
        (read_number(factor, schedule.factor) && schedule.factor > 0 && schedule.factor < 1)) {
      return schedule;
    }
  }
  return core::fail(
      fmt::format("'{}' is none of auto, constant, cosine[:STEPS], step:STEPS[:FACTOR] with FACTOR "
                  "between 0 and 1",
                  text));
}

core::Result<gpu::Augment> parse_augment(std::string_view text) {
  constexpr std::size_t kCropMax = 1024;
  gpu::Augment augment;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const bool crop = word.starts_with("crop:") && read_number(word.substr(5), augment.crop) &&
                      augment.crop > 0 && augment.crop <= kCropMax;
    if (word == "flip") {
      augment.flip = true;
    } else if (!crop) {
      return core::fail(
          fmt::format("'{}' is neither flip nor crop:PIXELS with PIXELS in 1..{}", word, kCropMax));
    }
  }
  return augment;
}

core::Result<std::filesystem::path> parse_path(std::string_view text) {
  return std::filesystem::path(text);
}

core::Result<gossip::Rule> parse_rule(std::string_view text) {
  if (text == "average") return gossip::Rule::kAverage;
  if (text == "none") return gossip::Rule::kNone;
  return core::fail(fmt::format("'{}' is neither average nor none", text));
}

core::Result<Codecs> parse_codecs(std::string_view text) {
  const auto codec = core::parse_codec(text);
  if (!codec) return core::fail(fmt::format("'{}' is none of fp32, fp16, int8", text));
  // An int8 offer would cost the difference its precision; see docs/protocol.md, "Codecs".
  return Codecs{*codec == core::Codec::kInt8 ? core::Codec::kFp16 : *codec, *codec};
}

core::Result<gossip::StalenessPolicy> parse_staleness(std::string_view text) {
  using Kind = gossip::StalenessPolicy::Kind;
  constexpr double kStepsMax = 1e9;
  gossip::StalenessPolicy policy;
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const bool has_steps = colon != std::string_view::npos;
  double steps = 0;
  const bool good_steps = !has_steps || (read_number(text.substr(colon + 1), steps) && steps >= 1 &&
                                         steps <= kStepsMax);
  if (name == "constant" && !has_steps) {
    policy.kind = Kind::kConstant;
    return policy;
  }
  if (name == "damped" && good_steps) {
    policy.kind = Kind::kDamped;
    if (has_steps) policy.half = steps;
    return policy;
  }
  if (name == "bounded" && good_steps) {
    policy.kind = Kind::kBounded;
    if (has_steps) policy.bound = static_cast<std::uint64_t>(steps);
    return policy;
  }
  return core::fail(fmt::format(
      "'{}' is none of constant, damped[:STEPS], bounded[:STEPS] with STEPS in 1..{:.0f}", text,
      kStepsMax));
}

void add_model_flags(CommandLine& line, Training& t, const std::string& steps_default) {
  constexpr std::uint64_t kStepsMax = std::uint64_t{1} << 48;
  line.add("--data", t.data, text_value,
           {"SET", "digits",
            "digits: 8x8 handwritten digits, built in, every fifth held out; mnist:DIR: the\n"
            "four IDX files, plain or .gz, of MNIST or a set shaped like it; cifar10:DIR: the\n"
            "binary files of CIFAR-10, plain or .gz; csv:FILE: numbers, last column an integer\n"
            "label, a first line of names is skipped, a fifth of each class held out, drawn by\n"
            "--seed; csv-targets:FILE: the last column a number to be told, every fifth line\n"
            "held out; tensors:FILE.safetensors: x (F32, or U8 taken as b/255, of a model of\n"
            "tokens as b) [N, ...], y (integers: classes, [N] or at each position [N, T]; F32:\n"
            "targets), held out x_test and y_test, or else as for csv; text:FILE: a byte a\n"
            "token, plain or .gz, its last tenth held out, parts in one piece; wav:DIR:\n"
            "spoken words, WAV files of PCM, the label before the first _ of\n"
            "a name, those with 0 to 4 after the last _ held out, or a folder of files a label, a\n"
            "fifth of each held out; linear: y = 2x + 1 with noise."});
  line.add("--partition", t.dirichlet_alpha, core::parse_partition,
           {"DEAL", "iid",
            "How rows are dealt to parts: iid, uniformly; dirichlet:A, for each class by\n"
            "shares drawn from Dir(A): the smaller A, the less alike the parts."});
  line.add("--model", t.model, core::parse_model,
           {"MODEL", "",
            "mlp:IN-...-OUT, with ReLU between layers; linear; lenet, for 28x28; cnn and\n"
            "resnet20, for 3x32x32; gpt:layers=4,heads=4,width=128,context=128, for text;\n"
            "speech:WORDS, for wav; or FILE.toml, a list of layers. The default is gpt for text,\n"
            "cnn for cifar10, speech for wav, mlp:64-128-10 for digits, mlp:784-256-128-10 for\n"
            "mnist (of other sizes, with its widths at the ends), linear for linear\n"
            "data, else one hidden layer of 64."});
  line.add("--init", t.init, parse_path,
           {"FILE", "",
            "Begin from the parameters in this safetensors file instead of drawn ones: a\n"
            "model.safetensors of this --model, or one with the names, shapes and F32 of the\n"
            "same nn.Sequential in PyTorch. Of use to the peer that joins nobody."});
  line.add("--optimizer", t.optimizer, parse_optimizer,
           {"NAME", "sgd", "sgd, nesterov, adam or adamw, each as PyTorch defines it."});
  line.add("--lr", t.learning_rate, number_above(0.0F, 1e6F),
           {"RATE", "", "Learning rate, above 0. The default is 0.05; with adam and adamw 0.001."});
  line.add("--schedule", t.schedule, parse_schedule,
           {"SCHEDULE", "auto",
            "How the rate goes on. cosine[:STEPS]: falls to zero along half a cosine, at\n"
            "STEPS or at the last step of --steps or --epochs; step:STEPS[:FACTOR]: times\n"
            "FACTOR (0.1) after each so many; constant; auto: cosine with --epochs, else\n"
            "constant. A peer that joins copies its place in it, but with adam or adamw\n"
            "begins it anew where it copies from another optimizer."});
  line.add("--warmup", t.warmup, number_in<std::uint64_t>(0, kStepsMax),
           {"STEPS", "0",
            "Before that, the rate rises evenly over so many steps, fewer than a cosine has."});
  line.add("--momentum", t.momentum, number_below(0.0F, 1.0F),
           {"M", "0.9", "Momentum of sgd and nesterov, from 0, below 1."});
  line.add("--weight-decay", t.weight_decay, number_in(0.0F, 1e6F),
           {"W", "0", "Weight decay: added to the gradient; adamw shrinks the weights."});
  line.add("--clip-norm", t.clip_norm, number_in(0.0F, 1e30F),
           {"NORM", "0", "Scale a longer gradient down to this norm; 0: never."});
  line.add("--batch", t.batch, number_in<std::size_t>(1, gpu::kBatchMax),
           {"ROWS", "32", "Rows in a mini-batch."});
  line.add("--accumulate", t.accumulate, number_in<std::size_t>(1, gpu::kAccumulateMax),
           {"N", "1", "A step takes the mean gradient of so many mini-batches."});
  line.add("--augment", t.augment, parse_augment,
           {"WAYS", "",
            "Of images: flip, half of them left for right; crop:PIXELS, each moved by up to so\n"
            "many, zeros at the edge; or both, flip,crop:4."});
  line.add(
      "--steps", t.steps, number_in<std::uint64_t>(1, kStepsMax),
      {"N", steps_default, "End training at this many steps, counting those copied when joining."});
  line.add("--epochs", t.epochs, number_in<std::uint64_t>(1, kStepsMax >> 32),
           {"N", "", "As --steps, in passes over this peer's part of the data."});
  line.exclude("--epochs", "--steps");
  line.add("--duration", t.duration, core::parse_duration,
           {"DURATION", "0", "End training after this long; 0: no limit."});
}

void add_exchange_flags(CommandLine& line, Training& t) {
  line.add("--rule", t.rule, parse_rule,
           {"RULE", "average", "average: exchange with random neighbours; none: never."});
  line.add("--exchange-every", t.exchange_every, number_or_auto(1'000'000'000U),
           {"STEPS", "auto",
            "Start an exchange every so many steps; auto: as often as keeps mixing\n"
            "under 5 % of the time."});
  line.add("--codec", t.codecs, parse_codecs,
           {"CODEC", "int8",
            "What exchanges are written in. fp32: 4 bytes a parameter each way; fp16: 2;\n"
            "int8: 2 for the offer, 1 for the difference that answers it."});
  line.add("--staleness", t.staleness, parse_staleness,
           {"POLICY", fmt::format("damped:{}", gossip::StalenessPolicy().half),
            "The weight of an exchange that took s steps. constant: 1/2;\n"
            "damped[:STEPS]: half of that at s = STEPS; bounded[:STEPS]: 1/2, and offers\n"
            "past STEPS are declined."});
  line.add("--settle", t.settle, core::parse_duration,
           {"DURATION", core::to_string(t.settle),
            "When training ends, exchange on until the neighbours agree, at most this\n"
            "long; 0: do not."});
  line.add("--linger", t.linger, core::parse_duration,
           {"DURATION", core::to_string(t.linger),
            "After that, answer neighbours that have not settled, at most this long."});
  line.add("--eval-every", t.eval_every, number_or_auto(1'000'000'000U),
           {"STEPS", "auto",
            "Evaluate on the held-out rows every so many steps; auto: as often as takes\n"
            "under 2 % of the time."});
  line.add("--seed", t.seed, number_in<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()),
           {"N", "1",
            "Seed of the parameters, the batches and the parts. Peers of one run share\n"
            "it, so that their parts do not overlap."});
}

}  // namespace

void add_training_flags(CommandLine& line, Training& training, const std::string& steps_default) {
  line.group("What to train");
  add_model_flags(line, training, steps_default);
  line.group("How to exchange");
  add_exchange_flags(line, training);
}

}  // namespace murmur::apps
