#include "apps/device_flags.hpp"

#include "apps/values.hpp"

namespace murmur::apps {

void add_device_flags(CommandLine& line, std::string& device, int& threads) {
  line.add("--device", device, text_value,
           {"DEVICE", "auto",
            "cpu, cuda, cuda:N, or auto: the first CUDA device if there is one, else cpu."});
  line.add("--threads", threads, number_in(1, 1024),
           {"N", "1", "Threads of the computation on the CPU."});
}

}  // namespace murmur::apps
