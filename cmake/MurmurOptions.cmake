# Flags every target of ours is built with. Link murmur_options PRIVATE (or PUBLIC on a library).
add_library(murmur_options INTERFACE)
target_include_directories(murmur_options INTERFACE ${CMAKE_SOURCE_DIR})

# nvcc passes its host compiler thousands of -Wpedantic lines about code it generates itself.
target_compile_options(murmur_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Werror>
  # GCC 12 sees overlapping copies in std::string's operator+ that cannot be (its bug 105329).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>,$<COMPILE_LANGUAGE:CXX>>:-Wno-restrict>
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>   # bit-equal reruns; costs nothing measurable
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${MURMUR_ARCH}>>:-march=${MURMUR_ARCH}>)

if(MURMUR_SANITIZE)
  target_compile_options(murmur_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MURMUR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all>
    # GCC loses track of initialisation in what the sanitizers add, even in the standard library.
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
  target_link_options(murmur_options INTERFACE -fsanitize=${MURMUR_SANITIZE})
endif()
