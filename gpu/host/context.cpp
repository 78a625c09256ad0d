#include "gpu/host/context.hpp"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "core/check.hpp"

namespace murmur::gpu::host {

struct Context::Arena {
  explicit Arena(int threads) : arena(threads) {
    // Thread counts are the user's choice, beyond the cores too: TBB warns where it would cap them.
    constexpr std::size_t kThreadsMax = 1024;
    static const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism,
                                             kThreadsMax);
  }
  tbb::task_arena arena;
};

Context::Context(int threads) : threads_(threads) {
  CHECK_INVARIANT(threads >= 1);
  if (threads > 1) arena_ = std::make_unique<Arena>(threads);
}

Context::~Context() = default;

void Context::run_in_arena(void (*call)(void*), void* self) {
  arena_->arena.execute([&] { call(self); });
}

void Context::run_tasks(std::size_t count, void (*call)(void*, std::size_t), void* self) {
  arena_->arena.execute(
      [&] { tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) { call(self, i); }); });
}

}  // namespace murmur::gpu::host
