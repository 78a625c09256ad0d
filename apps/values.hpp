// Parsers of flag values. Each error is a phrase that follows "--flag: ".
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/result.hpp"

namespace murmur::apps {

/// The whole of `text` as a number.
template <class T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return false;
  }
  return error == std::errc() && end == text.data() + text.size();
}

/// A parser of the numbers that `accepts`, which are called `what`.
template <class T, class Accepts>
auto number_that(Accepts accepts, std::string what) {
  return [accepts, what = std::move(what)](std::string_view text) -> core::Result<T> {
    T value{};
    if (!read_number(text, value) || !accepts(value)) {
      return core::fail(fmt::format("'{}' is not a number {}", text, what));
    }
    return value;
  };
}

/// low <= number <= high.
template <class T>
auto number_in(T low, T high) {
  return number_that<T>([low, high](T value) { return value >= low && value <= high; },
                        fmt::format("in {}..{}", low, high));
}
/// low < number <= high.
template <class T>
auto number_above(T low, T high) {
  return number_that<T>([low, high](T value) { return value > low && value <= high; },
                        fmt::format("above {}, up to {}", low, high));
}
/// low <= number < high.
template <class T>
auto number_below(T low, T high) {
  return number_that<T>([low, high](T value) { return value >= low && value < high; },
                        fmt::format("from {}, below {}", low, high));
}

/// A parser of numbers in 1..high or "auto", which is 0.
template <class T>
auto number_or_auto(T high) {
  return [high](std::string_view text) -> core::Result<T> {
    T value{};
    if (text == "auto") return value;
    if (!read_number(text, value) || value < 1 || value > high) {
      return core::fail(fmt::format("'{}' is neither auto nor a number in 1..{}", text, high));
    }
    return value;
  };
}

/// Any text.
inline core::Result<std::string> text_value(std::string_view text) { return std::string(text); }

inline core::Result<std::filesystem::path> path_value(std::string_view text) {
  return std::filesystem::path(text);
}

/// "0.2" or "20%", from 0 and below 1: of messages that are all lost nothing can be learned.
core::Result<double> parse_probability(std::string_view text);
/// Bytes a second: "250000", "10kB", "1.5MB", "1GB" (powers of 1000); "0" is no limit.
core::Result<double> parse_bandwidth(std::string_view text);

}  // namespace murmur::apps
