"""Writes data for --data tensors:FILE.safetensors. With the safetensors package it is three lines:

    from safetensors.numpy import save_file
    save_file({"x": images, "y": labels, "x_test": test_images, "y_test": test_labels},
              "mine.safetensors")

x is uint8 (taken as x / 255, of a model of tokens as x) or float32, a row a sample; y integers are classes,
one a row or one at each position of it, float32 targets. This
does the same with numpy alone, and as an example makes a set whose classes are the quadrant of the
image that is the brightest: python3 tensors.py mine.safetensors"""
import json
import struct
import sys

import numpy

TYPES = {"uint8": "U8", "int32": "I32", "int64": "I64", "float32": "F32"}


def save_file(tensors, path):
    header, end = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": TYPES[tensor.dtype.name], "shape": tensor.shape,
                        "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(numpy.ascontiguousarray(tensor).tobytes())


def main():
    chance = numpy.random.default_rng(1)
    images = chance.integers(0, 200, (2000, 1, 8, 8), dtype=numpy.uint8)
    quadrants = images.reshape(-1, 2, 4, 2, 4).astype(int).sum(axis=(2, 4)).reshape(-1, 4)
    save_file({"x": images, "y": quadrants.argmax(axis=1)}, sys.argv[1])


if __name__ == "__main__":
    main()
