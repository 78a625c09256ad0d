// What a CUDA module of another build exports, by the names that gpu/module.hpp has.
extern "C" {
// NOLINTBEGIN(readability-identifier-naming)
extern const char murmur_cuda_interface[];
const char murmur_cuda_interface[] = "another";
// NOLINTEND(readability-identifier-naming)
void murmur_cuda_make_replica() {}
void murmur_cuda_make_predictor() {}
}
