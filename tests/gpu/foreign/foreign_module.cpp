// What a CUDA module of another build exports.
extern "C" {
extern const char murmur_cuda_interface[];
const char murmur_cuda_interface[] = "another";
void murmur_cuda_make_replica() {}
}
