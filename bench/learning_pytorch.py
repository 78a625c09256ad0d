"""PyTorch's side of bench/learning: trains the model of a TOML on all of a data set and leaves it as
safetensors. Takes what it is told as one argument of JSON."""
import gzip
import json
import math
import pathlib
import sys

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "examples"), str(ROOT / "examples" / "pytorch")]
from murmur_model import MurmurModel  # noqa: E402
from tensors import save_file  # noqa: E402


def read_bytes(path):
    raw = pathlib.Path(path).read_bytes()
    return torch.frombuffer(bytearray(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw),
                            dtype=torch.uint8)


def text_rows(path, context):
    """The first nine tenths, cut where an epoch begins anywhere within a row's length, as murmur's."""
    text = read_bytes(path)
    text = text[:len(text) - len(text) // 10]

    def epoch(chance):
        begin = int(torch.randint(context, (1,), generator=chance))
        rows = (len(text) - begin - 1) // context
        x = text[begin:begin + rows * context].view(rows, context)
        y = text[begin + 1:begin + 1 + rows * context].view(rows, context)
        return x, y.long()

    return epoch


def cifar_rows(folder):
    files = sorted(pathlib.Path(folder).glob("data_batch_*.bin*"))
    rows = torch.cat([read_bytes(file).view(-1, 3073) for file in files])
    x, y = rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()
    return lambda _: (x, y)


def augmented(x, ways, chance):
    if "flip" in ways:
        flipped = torch.rand(len(x), generator=chance) < 0.5
        x = torch.where(flipped.view(-1, 1, 1, 1), x.flip(3), x)
    if "crop" in ways:
        pixels = int(ways.split("crop:")[1])
        side = x.shape[2]
        padded = torch.nn.functional.pad(x, [pixels] * 4)
        moves = torch.randint(2 * pixels + 1, (len(x), 2), generator=chance).tolist()
        x = torch.stack([padded[i, :, down:down + side, right:right + side]
                         for i, (down, right) in enumerate(moves)])
    return x


def rate_factor(told, step):
    """As gpu/schedule.cpp."""
    if step < told["warmup"]:
        return (step + 1) / told["warmup"]
    if told["schedule"] == "constant":
        return 1
    return (1 + math.cos(math.pi * (step - told["warmup"]) / (told["steps"] - told["warmup"]))) / 2


def batches(epoch, size, chance):
    """A batch smaller than `size` ends an epoch, as murmur's does."""
    while True:
        x, y = epoch(chance)
        for rows in torch.randperm(len(x), generator=chance).split(size):
            yield x[rows], y[rows]


def main():
    told = json.loads(sys.argv[1])
    torch.manual_seed(told["seed"])
    chance = torch.Generator().manual_seed(told["seed"])
    with open(told["model"]) as file:
        model = MurmurModel(file.read())
    kind, _, where = told["data"].partition(":")
    text = kind == "text"
    epoch = text_rows(where, model.input_shape[0]) if text else cifar_rows(where)
    if told["optimizer"] == "adamw":
        optimizer = torch.optim.AdamW(model.parameters(), weight_decay=told["weight_decay"])
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=0.9,
                                    weight_decay=told["weight_decay"])
    criterion = torch.nn.CrossEntropyLoss()
    source = batches(epoch, told["batch"], chance)
    for step in range(told["steps"]):
        x, y = next(source)
        if not text:
            x = augmented(x, told["augment"], chance).float() / 255
        for group in optimizer.param_groups:
            group["lr"] = told["rate"] * rate_factor(told, step)
        optimizer.zero_grad(set_to_none=True)
        outputs = model(x)
        loss = criterion(outputs.reshape(-1, outputs.shape[-1]), y.reshape(-1))
        loss.backward()
        if told["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), told["clip_norm"])
        optimizer.step()
        if step % 100 == 99:
            print(f"    PyTorch step {step + 1}: loss {loss.item():.4f}", file=sys.stderr)
    save_file({name: value.detach().contiguous().numpy()
               for name, value in model.state_dict().items()}, told["out"])


main()
