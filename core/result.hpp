// Result<T>: a value, or an Error whose message is one line a person can act on:
// who, what and the limit ("data/x.csv:17: label 12 > 9").
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace murmur::core {

struct [[nodiscard]] Error {
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::make_unexpected(Error{std::move(message)});
}

}  // namespace murmur::core
