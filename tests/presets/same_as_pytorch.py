"""Takes fifty steps of each preset beside murmur: the same batches, from the same parameters.

    same_as_pytorch.py PRESET_STEPS            compares; exits with 77 where PyTorch is missing
    same_as_pytorch.py PRESET_STEPS --store    writes PyTorch's losses to stored/ as well
"""
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not here (Debian's python3-torch)")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "examples" / "pytorch"))
from murmur_model import MurmurModel  # noqa: E402

TOLERANCE = 1e-3


def read_tensors(path, kinds):
    data = bytearray(pathlib.Path(path).read_bytes())
    tensors, offset = [], 0
    for count, kind in kinds:
        tensors.append(torch.frombuffer(data, dtype=kind, offset=offset, count=count))
        offset += 4 * count
    return tensors


def fingerprint(parameters):
    x, places = parameters.double(), torch.arange(len(parameters), dtype=torch.float64)
    return [x.norm().item(), (x * (0.01 * places).cos()).sum().item(),
            (x * (1.7 * places).cos()).sum().item()]


def compare(program, preset, store):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/steps"
        told = json.loads(subprocess.run([program, preset, path], check=True,
                                         stdout=subprocess.PIPE).stdout)
        model = MurmurModel(pathlib.Path(path + ".toml").read_text())
        shape, rows = model.input_shape, told["rows"]
        with torch.no_grad():
            output = model(torch.zeros(1, *shape)).shape[1:]
        classifies = math.prod(output) > 1
        count = sum(p.numel() for p in model.parameters())
        inputs, wanted, before, after = read_tensors(path, [
            (rows * math.prod(shape), torch.float32),
            (rows * math.prod(output[:-1]), torch.int32 if classifies else torch.float32),
            (count, torch.float32), (count, torch.float32)])
    inputs = inputs.view(rows, *shape)
    wanted = wanted.view(rows, -1).long() if classifies else wanted.view(rows, 1)
    with torch.no_grad():
        torch.nn.utils.vector_to_parameters(before.clone(), model.parameters())
    if told["adamw"]:
        optimizer = torch.optim.AdamW(model.parameters(), lr=told["rate"],
                                      weight_decay=told["decay"])
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=told["rate"], momentum=0.9)
    criterion = torch.nn.CrossEntropyLoss() if classifies else torch.nn.MSELoss()
    losses = []
    for batch in told["order"]:
        optimizer.zero_grad()
        asked = wanted[batch].reshape(-1) if classifies else wanted[batch]
        loss = criterion(model(inputs[batch]).view(-1, output[-1]), asked)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    reached = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    apart = max(abs(a - b) / abs(b) for a, b in zip(told["losses"], losses))
    whole = ((after - reached).norm() / reached.norm()).item()
    moved = ((after - reached).norm() / (reached - before).norm()).item()
    print(f"{preset:42} losses {losses[0]:.4f} .. {losses[-1]:.4f}, apart at most {apart:.1e}; "
          f"parameters apart {whole:.1e}, of the way they went {moved:.1e}")
    if store:
        name = re.sub("[:,=]", "-", preset)
        lines = [f"{value:.9g}" for value in losses + fingerprint(reached)]
        (HERE / "stored" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return apart <= TOLERANCE and whole <= TOLERANCE


def main():
    torch.set_num_threads(1)
    program = sys.argv[1]
    presets = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
    same = [compare(program, preset, "--store" in sys.argv) for preset in presets.split()]
    sys.exit(0 if all(same) else "the steps are not PyTorch's")


main()
