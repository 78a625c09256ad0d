#include "apps/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/command_line.hpp"
#include "apps/console.hpp"
#include "apps/device_flags.hpp"
#include "apps/values.hpp"
#include "core/rng.hpp"
#include "core/text.hpp"
#include "gpu/predictor.hpp"

namespace murmur::apps {
namespace {

constexpr const char* kDescription =
    "Writes text, a byte after the other, each drawn from what a saved model (--model gpt:...)\n"
    "expects after those before it.\n";

constexpr const char* kFooter = R"(Exit status: 0; 2 if a flag or a file was refused.

Examples:
  murmur generate run/peer-0 --prompt "ROMEO:" --length 1000
  murmur generate run/peer-0 --temperature 0
)";

/// A token by the softmax of `scores` over the temperature.
std::size_t draw(std::span<const float> scores, double temperature, core::Rng& rng) {
  const auto most = std::max_element(scores.begin(), scores.end());
  if (temperature == 0) return static_cast<std::size_t>(most - scores.begin());
  std::vector<double> up_to;  // the sum of the weights up to each
  double sum = 0;
  for (const float score : scores) {
    sum += std::exp((double{score} - double{*most}) / temperature);
    up_to.push_back(sum);
  }
  const auto found = std::upper_bound(up_to.begin(), up_to.end(), rng.uniform() * sum);
  return std::min(static_cast<std::size_t>(found - up_to.begin()), scores.size() - 1);
}

}  // namespace

core::Result<std::string> continuation(const SavedModel& saved, std::string_view prompt,
                                       const Sampling& sampling, int threads,
                                       const gpu::DeviceChoice& device) {
  const std::size_t context = saved.model.inputs();
  const core::Shape wanted{context, core::kTextTokens};
  if (saved.model.vocabulary() != core::kTextTokens || saved.model.shapes.back() != wanted) {
    return core::fail(fmt::format("{}: {} is no model of text", saved.file.string(),
                                  core::to_string(saved.model)));
  }
  const auto predictor =
      gpu::make_predictor({saved.model, *saved.parameters, /*rows_max=*/1, threads}, device);
  if (!predictor) return tl::make_unexpected(predictor.error());
  core::Rng rng(sampling.seed, 0, "generate");
  std::string text = prompt.empty() ? "\n" : std::string(prompt);
  const std::size_t begin = text.size();
  for (std::size_t i = 0; i < sampling.length; ++i) {
    // The last tokens that the context has room for; what is past them nobody looks at.
    const std::size_t known = std::min(text.size(), context);
    const auto inputs = (*predictor)->inputs(1);
    for (std::size_t t = 0; t < context; ++t) {
      const char byte = t < known ? text[text.size() - known + t] : '\0';
      inputs[t] = static_cast<float>(static_cast<unsigned char>(byte));
    }
    const auto scores =
        (*predictor)->outputs(1).subspan((known - 1) * core::kTextTokens, core::kTextTokens);
    text += static_cast<char>(draw(scores, sampling.temperature, rng));
  }
  return text.substr(begin);
}

core::Result<int> run_generate(const std::vector<std::string>& args) {
  constexpr std::size_t kLengthMax = 10'000'000;
  constexpr double kTemperatureMax = 100;
  std::filesystem::path path;
  std::optional<core::ModelSpec> model;
  std::string prompt;
  Sampling sampling;
  std::string device = "auto";
  int threads = 1;
  CommandLine line("murmur generate", kDescription);
  line.footer(kFooter);
  line.positional("MODEL", path, path_value,
                  "What a peer left: its --out folder, or the model.safetensors in it.");
  line.add("--model", model, core::parse_model,
           {"MODEL", "", "Which model it is of, where the file does not say or says FILE.toml."});
  line.add("--prompt", prompt, text_value,
           {"TEXT", "", "What the text begins with; without it, a new line."});
  line.add("--length", sampling.length, number_in<std::size_t>(1, kLengthMax),
           {"N", fmt::format("{}", sampling.length), "So many bytes are added to the prompt."});
  line.add("--temperature", sampling.temperature, number_in(0.0, kTemperatureMax),
           {"T", fmt::format("{}", sampling.temperature),
            "Below 1 the likely grows likelier; 0: always the likeliest."});
  line.add("--seed", sampling.seed,
           number_in<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()),
           {"N", "1", "The same seed writes the same text, on the same device."});
  add_device_flags(line, device, threads);
  const auto parsed = line.parse(args);
  if (!parsed) return tl::make_unexpected(parsed.error());
  if (*parsed == CommandLine::Outcome::kHelp) return 0;

  const auto chosen = gpu::choose_device(device);
  if (!chosen) return tl::make_unexpected(chosen.error());
  const auto saved = load_saved_model(path, model);
  if (!saved) return tl::make_unexpected(saved.error());
  const auto text = continuation(*saved, prompt, sampling, threads, *chosen);
  if (!text) return tl::make_unexpected(text.error());
  say(prompt + *text + "\n");
  return 0;
}

}  // namespace murmur::apps
