// The digits set (UCI "Optical Recognition of Handwritten Digits", 1,797 images of 8 x 8 pixels of
// 0..16), built into the library so that the program finds it wherever it runs.
#pragma once

#include "core/bytes.hpp"

namespace murmur::core {

/// data/digits.csv.gz, byte for byte.
ByteView digits_csv_gz();

}  // namespace murmur::core
