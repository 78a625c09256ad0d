// A backend as a GPU is to the CPU, without one: a call is only noted, and runs when somebody waits
// for it; while a graph is captured, calls are noted for launch(), and nothing may be allocated or
// waited for. It has the names of the CPU's context.hpp, which it stands before in the include path
// of recorded_test.
//
// Thread rule: one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "gpu/shared/hd.hpp"
#include "gpu/shared/product.hpp"

namespace murmur::gpu::host {

class Context {
 public:
  void activate() const {}
  void synchronize() {
    CHECK_INVARIANT(!capturing_);
    for (const Call& call : stream_) call();
    stream_.clear();
  }

  void begin_capture() { capturing_ = true; }
  void end_capture() { capturing_ = false; }
  [[nodiscard]] bool capturing() const { return capturing_; }
  [[nodiscard]] std::size_t captured() const { return graph_.size(); }
  /// What was captured once more, with the arguments that it had.
  void launch() { stream_.insert(stream_.end(), graph_.begin(), graph_.end()); }

  using Call = std::function<void()>;
  void note(Call call) { (capturing_ ? graph_ : stream_).push_back(std::move(call)); }

 private:
  bool capturing_ = false;
  std::vector<Call> stream_;
  std::vector<Call> graph_;
};

template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Context& context, std::size_t n) : values_(n) { CHECK_INVARIANT(!context.capturing()); }
  [[nodiscard]] T* data() { return values_.data(); }
  [[nodiscard]] const T* data() const { return values_.data(); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::vector<T> values_;
};

template <class T>
class Argument {
 public:
  explicit Argument(const T* from) : from_(from) {}
  const T& operator*() const { return *from_; }
  const T* operator->() const { return from_; }

 private:
  const T* from_;
};

template <class F>
void for_each_index(Context& context, std::size_t n, const F& f) {
  context.note([n, f] {
    for (std::size_t i = 0; i < n; ++i) f(i);
  });
}
template <class T>
void put(Context& context, T* dst, const T& value) {
  context.note([dst, value] { *dst = value; });
}
template <class T>
void copy(Context& context, T* dst, const T* src, std::size_t n) {
  context.note([dst, src, n] { std::copy_n(src, n, dst); });
}
template <class T>
void fill(Context& context, T* dst, std::size_t n, T value) {
  context.note([dst, n, value] { std::fill_n(dst, n, value); });
}
/// On CUDA by way of memory that it may have to wait for.
template <class T>
void upload(Context& context, T* dst, const T* src, std::size_t n) {
  CHECK_INVARIANT(!context.capturing());
  context.note([dst, values = std::vector<T>(src, src + n)] {
    std::copy(values.begin(), values.end(), dst);
  });
}
template <class T>
void download(Context& context, T* dst, const T* src, std::size_t n) {
  context.synchronize();
  std::copy_n(src, n, dst);
}

inline void gemm(Context& context, const Product& p, const float* a, const float* b, float* c) {
  const auto element = [p, a, b, c](std::size_t i) {
    const std::size_t which = i / (p.m * p.n), row = i / p.n % p.m, column = i % p.n;
    const float* const x = a + which * p.a_next + row * (p.trans_a ? 1 : p.a_row());
    const float* const y = b + which * p.b_next + column * (p.trans_b ? p.b_row() : 1);
    float sum = 0;
    for (std::size_t k = 0; k < p.k; ++k) {
      sum += x[k * (p.trans_a ? p.a_row() : 1)] * y[k * (p.trans_b ? 1 : p.b_row())];
    }
    float& to = c[which * p.c_next + row * p.c_row() + column];
    to = p.alpha * sum + (p.beta == 0 ? 0 : p.beta * to);
  };
  for_each_index(context, p.batch * p.m * p.n, element);
}

}  // namespace murmur::gpu::host
