"""PyTorch's side of bench/vs_pytorch; see bench/step.cpp, whose FILE it reads."""
import json
import math
import pathlib
import sys
import time

import torch

import machine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples" / "pytorch"))
from murmur_model import MurmurModel  # noqa: E402

BATCH = 64

torch.set_num_threads(1)
with open(sys.argv[1] + ".toml") as file:
    text = file.read()
model = MurmurModel(text)
shape = model.input_shape
with torch.no_grad():
    output = model(torch.zeros(1, *shape)).shape[1:]
classifies = math.prod(output) > 1

with open(sys.argv[1], "rb") as file:
    inputs = torch.frombuffer(bytearray(file.read(4 * BATCH * math.prod(shape))),
                              dtype=torch.float32).view(BATCH, *shape)
    asked = math.prod(output[:-1]) * BATCH
    wanted = torch.frombuffer(bytearray(file.read(4 * asked)),
                              dtype=torch.int32 if classifies else torch.float32)
    parameters = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
wanted = wanted.long() if classifies else wanted.view(BATCH, 1)
with torch.no_grad():
    torch.nn.utils.vector_to_parameters(parameters, model.parameters())
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
criterion = torch.nn.CrossEntropyLoss() if classifies else torch.nn.MSELoss()


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = criterion(model(inputs).view(-1, output[-1]), wanted)
    loss.backward()
    optimizer.step()
    return loss.detach()


for line in sys.stdin:
    if line == "blas\n":
        print(json.dumps(machine.blas_in_use("libtorch_cpu")), flush=True)
        continue
    steps = int(line)
    total = torch.zeros(())
    start = time.perf_counter()
    for _ in range(steps):
        total += step()
    taken = time.perf_counter() - start
    print(json.dumps({"seconds": taken, "loss": total.item() / steps}), flush=True)
