#include "gpu/host/context.hpp"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "core/check.hpp"

namespace murmur::gpu::host {

struct Context::Arena : tbb::task_arena {
  using tbb::task_arena::task_arena;
};

Context::Context(int threads) : threads_(threads) {
  CHECK_INVARIANT(threads >= 1);
  if (threads > 1) arena_ = std::make_unique<Arena>(threads);
}

Context::~Context() = default;

void Context::run_in_arena(void (*call)(void*), void* self) {
  arena_->execute([&] { call(self); });
}

void Context::run_tasks(std::size_t count, void (*call)(void*, std::size_t), void* self) {
  arena_->execute([&] {
    tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) { call(self, i); });
  });
}

}  // namespace murmur::gpu::host
