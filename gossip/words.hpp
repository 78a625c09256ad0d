// Words: what peers tell each other of their runs beside the model, as "key=value" after it in a
// Hello ("mlp:64-128-10 optimizer=sgd part=1/4 seed=1"), so that a difference is said and not found
// out by a poor result. Nothing is decided by them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace murmur::gossip {

/// `model` and as many of `words` as fit into `max` bytes.
std::string model_and_words(std::string_view model, const std::vector<std::string>& words,
                            std::size_t max);
/// The model in what model_and_words() made.
std::string_view model_in(std::string_view text);

/// How the run of the peer that said `text` differs from one of these words, as "optimizer sgd
/// here, adam there; ..."; empty if in nothing that both tell. A part of the data, "part=i/N",
/// should be of the same N and another i.
std::string differences(const std::vector<std::string>& ours, std::string_view text);

}  // namespace murmur::gossip
