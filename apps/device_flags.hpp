// The flags that say what computes: --device and --threads.
// Thread rule: any thread.
#pragma once

#include <string>

#include "apps/command_line.hpp"

namespace murmur::apps {

/// `device` is for gpu::choose_device().
void add_device_flags(CommandLine& line, std::string& device, int& threads);

}  // namespace murmur::apps
