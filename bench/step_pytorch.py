"""PyTorch's side of bench/vs_pytorch; see bench/step.cpp, whose FILE it reads."""
import json
import sys
import time

import torch

import machine

BATCH, WIDTHS = 64, (784, 256, 128, 10)

torch.set_num_threads(1)
with open(sys.argv[1], "rb") as file:
    inputs = torch.frombuffer(bytearray(file.read(4 * BATCH * WIDTHS[0])), dtype=torch.float32)
    labels = torch.frombuffer(bytearray(file.read(4 * BATCH)), dtype=torch.int32)
    parameters = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
inputs = inputs.view(BATCH, WIDTHS[0])
labels = labels.long()

layers = []
for width_in, width_out in zip(WIDTHS, WIDTHS[1:]):
    layers += [torch.nn.Linear(width_in, width_out), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
with torch.no_grad():
    torch.nn.utils.vector_to_parameters(parameters, model.parameters())
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
criterion = torch.nn.CrossEntropyLoss()

for line in sys.stdin:
    if line == "blas\n":
        print(json.dumps(machine.blas_in_use("libtorch_cpu")), flush=True)
        continue
    steps = int(line)
    total = torch.zeros(())
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    taken = time.perf_counter() - start
    print(json.dumps({"seconds": taken, "loss": total.item() / steps}), flush=True)
