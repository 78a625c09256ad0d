#include "apps/eval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/command_line.hpp"
#include "apps/console.hpp"
#include "apps/device_flags.hpp"
#include "apps/saved_model.hpp"
#include "apps/table.hpp"
#include "apps/training.hpp"
#include "apps/values.hpp"

namespace murmur::apps {
namespace {

constexpr const char* kDescription =
    "Says how good a saved model is on the held-out rows of a data set: loss, accuracy, of a text\n"
    "the perplexity, and of classes which were taken for which.\n";

constexpr const char* kFooter = R"(Exit status: 0; 2 if a flag or a file was refused.

Examples:
  murmur eval run/peer-0 --data mnist:DIR
  murmur eval run/peer-0/model.safetensors --data text:FILE
  murmur eval made-in-pytorch.safetensors --model FILE.toml --data tensors:FILE.safetensors
)";

/// Classes whose confusion is shown as a whole table; of more, the pairs confused most often.
constexpr std::size_t kTableMax = 16;
constexpr std::size_t kPairsShown = 10;

/// Rows looked at together, which have so many features at most.
std::size_t rows_together(const core::Samples& samples) {
  constexpr std::size_t kRowsMax = 256;
  constexpr std::size_t kFeaturesMax = std::size_t{1} << 22;
  return std::min(std::clamp<std::size_t>(kFeaturesMax / samples.width, 1, kRowsMax), samples.rows);
}

double cross_entropy(std::span<const float> outputs, std::size_t label) {
  const double most = *std::max_element(outputs.begin(), outputs.end());
  double sum = 0;
  for (const float z : outputs) sum += std::exp(double{z} - most);
  return std::log(sum) - (double{outputs[label]} - most);
}

double squared_error(std::span<const float> outputs, std::span<const float> targets) {
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double difference = double{outputs[i]} - double{targets[i]};
    sum += difference * difference;
  }
  return sum / static_cast<double>(outputs.size());
}

std::string class_name(const core::Dataset& data, std::size_t label) {
  return label < data.class_names.size() ? data.class_names[label] : fmt::format("{}", label);
}

/// A row a class: how often it was told as each, and the share that was right.
std::string confusion_table(const core::Dataset& data, const Assessment& found) {
  const auto times = [&](std::size_t label, std::size_t told) -> std::uint64_t {
    const auto counted = found.told.find({label, told});
    return counted == found.told.end() ? 0 : counted->second;
  };
  std::vector<std::string> header{"class"};
  for (std::size_t told = 0; told < data.classes; ++told) header.push_back(class_name(data, told));
  header.emplace_back("right");
  Table table(header);
  for (std::size_t label = 0; label < data.classes; ++label) {
    std::vector<std::string> row{class_name(data, label)};
    std::uint64_t all = 0;
    for (std::size_t told = 0; told < data.classes; ++told) {
      row.push_back(fmt::format("{}", times(label, told)));
      all += times(label, told);
    }
    row.push_back(
        percent_cell(static_cast<double>(times(label, label)) / static_cast<double>(all), 1));
    table.add(std::move(row));
  }
  return "told as, a row a class:\n" + table.text();
}

std::string confused_pairs(const core::Dataset& data, const Assessment& found) {
  using Pair = std::pair<std::pair<std::size_t, std::size_t>, std::uint64_t>;
  std::vector<Pair> pairs;
  for (const auto& pair : found.told) {
    if (pair.first.first != pair.first.second) pairs.emplace_back(pair);
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.second > b.second; });
  if (pairs.empty()) return {};
  Table table({"class", "told as", "times"});
  for (std::size_t i = 0; i < std::min(pairs.size(), kPairsShown); ++i) {
    const auto& [label, told] = pairs[i].first;
    table.add(
        {class_name(data, label), class_name(data, told), fmt::format("{}", pairs[i].second)});
  }
  return "confused most often:\n" + table.text();
}

std::string in_words(const SavedModel& saved, const core::Dataset& data, const Assessment& found) {
  const core::Samples& rows = data.held_out;
  const bool several = rows.positions() > 1;
  std::string text = fmt::format("{}: {}{}\n", saved.file.string(), core::to_string(saved.model),
                                 saved.step.empty() ? "" : fmt::format(", step {}", saved.step));
  text += fmt::format("{} held-out rows{}: loss {:.4f}", rows.rows,
                      several ? fmt::format(" of {} positions", rows.positions()) : "", found.loss);
  if (data.classes > 0) text += fmt::format(", accuracy {:.2f} %", 100 * found.accuracy);
  if (several) text += fmt::format(", perplexity {:.3f}", std::exp(found.loss));
  text += "\n";
  if (data.classes == 0 || several) return text;
  return text +
         (data.classes <= kTableMax ? confusion_table(data, found) : confused_pairs(data, found));
}

}  // namespace

Assessment assess(gpu::Predictor& predictor, const core::Samples& samples, std::size_t classes) {
  const std::size_t positions = classes > 0 ? samples.positions() : 1;
  Assessment found;
  std::uint64_t right = 0;
  for (std::size_t begin = 0; begin < samples.rows; begin += predictor.rows_max()) {
    const std::size_t count = std::min(predictor.rows_max(), samples.rows - begin);
    const auto inputs = predictor.inputs(count);
    for (std::size_t i = 0; i < count; ++i) {
      samples.read_features(begin + i, inputs.subspan(i * samples.width, samples.width));
    }
    const auto outputs = predictor.outputs(count);
    const std::size_t width = outputs.size() / (count * positions);
    for (std::size_t i = 0; i < count * positions; ++i) {
      const auto here = outputs.subspan(i * width, width);
      if (classes == 0) {
        found.loss +=
            squared_error(here, std::span(samples.targets).subspan((begin + i) * width, width));
        continue;
      }
      const std::size_t label = samples.label(begin + i / positions, i % positions);
      const auto told =
          static_cast<std::size_t>(std::max_element(here.begin(), here.end()) - here.begin());
      found.loss += cross_entropy(here, label);
      if (positions == 1) ++found.told[{label, told}];
      right += told == label ? 1 : 0;
    }
  }
  const auto all = static_cast<double>(samples.rows * positions);
  found.loss /= all;
  found.accuracy =
      classes > 0 ? static_cast<double>(right) / all : std::numeric_limits<double>::quiet_NaN();
  return found;
}

core::Result<int> run_eval(const std::vector<std::string>& args) {
  std::filesystem::path path;
  Training training;
  std::string device = "auto";
  int threads = 1;
  CommandLine line("murmur eval", kDescription);
  line.footer(kFooter);
  line.positional("MODEL", path, path_value,
                  "What a peer left: its --out folder, or the model.safetensors in it.");
  line.add("--data", training.data, text_value,
           {"SET", "digits", "As murmur peer takes it; what is held out is looked at."});
  line.add("--model", training.model, core::parse_model,
           {"MODEL", "", "Which model it is of, where the file does not say or says FILE.toml."});
  line.add("--seed", training.seed,
           number_in<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()),
           {"N", "1", "The run's: it draws which rows of some data sets are held out."});
  add_device_flags(line, device, threads);
  const auto parsed = line.parse(args);
  if (!parsed) return tl::make_unexpected(parsed.error());
  if (*parsed == CommandLine::Outcome::kHelp) return 0;

  const auto chosen = gpu::choose_device(device);
  if (!chosen) return tl::make_unexpected(chosen.error());
  const auto saved = load_saved_model(path, training.model);
  if (!saved) return tl::make_unexpected(saved.error());
  training.model = saved->model;
  auto loaded = load_model_and_data(training);
  if (!loaded) return tl::make_unexpected(loaded.error());
  const core::Dataset* const data = &loaded->data;
  gpu::ReplicaSpec spec;
  spec.model = saved->model;
  spec.classes = data->classes;
  spec.train = std::make_shared<const core::Samples>(data->held_out);
  spec.held_out = spec.train;
  if (spec.held_out->rows == 0) {
    return core::fail(fmt::format("{}: no row is held out", data->name));
  }
  if (auto fits = gpu::check_data(spec); !fits) return tl::make_unexpected(fits.error());
  const auto predictor = gpu::make_predictor(
      {saved->model, *saved->parameters, rows_together(*spec.held_out), threads}, *chosen);
  if (!predictor) return tl::make_unexpected(predictor.error());
  say(in_words(*saved, *data, assess(**predictor, *spec.held_out, data->classes)));
  return 0;
}

}  // namespace murmur::apps
