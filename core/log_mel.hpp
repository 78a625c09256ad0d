// Log-mel features of a recording: how much sound there is at each time in each band of pitch, the
// bands as wide as hearing tells them apart.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace murmur::core {

inline constexpr std::size_t kMelFrames = 64;  ///< of 32 ms, one begins every 16 ms: a second
inline constexpr std::size_t kMelBands = 32;   ///< from 60 Hz up to half the rate, or 8 kHz

inline constexpr double kMelRateMin = 4000;

/// kMelFrames x kMelBands bytes: 0 is 80 dB or more below the recording's loudest, 255 that. A
/// shorter recording lies in the middle of silence, of a longer one the middle is taken. `rate`:
/// samples a second, at least kMelRateMin.
std::vector<std::uint8_t> log_mel(std::span<const float> sound, double rate);

}  // namespace murmur::core
