// What an exchange refuses, and in which words; the same for both backends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bytes.hpp"
#include "core/codec.hpp"
#include "core/result.hpp"

namespace murmur::gpu {

/// Can `codec` hold values of up to this magnitude (the bits of a float)? What a codec cannot hold
/// goes as fp32.
bool within_reach(core::Codec codec, std::uint32_t max_bits);

/// `what` names the payload in the message.
core::Result<void> check_size(const char* what, core::Codec codec, std::size_t n,
                              core::ByteView bytes);

/// Neither side of x + weight * q may be, or become, anything but finite. The maxima are those of
/// Sums (kernels/codec.hpp).
core::Result<void> check_finite(const char* what, std::uint32_t own_max, std::uint32_t wire_max,
                                float weight);

}  // namespace murmur::gpu
