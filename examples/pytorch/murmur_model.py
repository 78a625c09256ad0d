"""A murmur model as a PyTorch module, from the TOML that docs/models.md describes.

The module's parameters have the names, shapes and order of murmur's, so that model.safetensors loads
into it by load_state_dict(), and what torch saves as safetensors is an --init:

    python3 murmur_model.py MODEL.toml model.safetensors    # loads it, and says what it is
"""
import json
import struct
import sys
import tomllib

import torch
from torch import nn


class Embedding(nn.Module):
    def __init__(self, vocabulary, context, width):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(context, width)
        nn.init.normal_(self.token.weight, std=0.02)
        nn.init.normal_(self.position.weight, std=0.02)

    def forward(self, tokens):
        return self.token(tokens.long()) + self.position.weight


class Attention(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.heads = heads

    def forward(self, x):
        batch, context, width = x.shape[0], x.shape[1], x.shape[2] // 3
        query, key, value = (part.view(batch, context, self.heads, -1).transpose(1, 2)
                             for part in x.split(width, dim=2))
        scores = query @ key.transpose(2, 3) * (width // self.heads) ** -0.5
        later = torch.ones(context, context, dtype=torch.bool, device=x.device).triu(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(dim=3)
        return (shares @ value).transpose(1, 2).reshape(batch, context, width)


class GlobalAvgPool(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def make_layer(layer, shape):
    """The module of one layer; `shape` is that of a sample which it is given."""
    kind, bias = layer["type"], layer.get("bias", True)
    if kind == "linear":
        return nn.Linear(shape[-1], layer["outputs"], bias=bias)
    if kind == "conv2d":
        return nn.Conv2d(shape[0], layer["outputs"], layer["kernel"], layer.get("stride", 1),
                         layer.get("padding", 0), bias=bias)
    if kind in ("max-pool2d", "avg-pool2d"):
        pool = nn.MaxPool2d if kind == "max-pool2d" else nn.AvgPool2d
        return pool(layer["kernel"], layer.get("stride", layer["kernel"]))
    if kind == "layer-norm":
        return nn.LayerNorm(shape[-1])
    if kind == "group-norm":
        return nn.GroupNorm(layer["groups"], shape[0])
    if kind == "embedding":
        return Embedding(layer["vocabulary"], shape[0], layer["width"])
    if kind == "attention":
        return Attention(layer["heads"])
    plain = {"global-avg-pool": GlobalAvgPool, "flatten": nn.Flatten, "relu": nn.ReLU,
             "gelu": nn.GELU}
    return nn.Dropout(layer["rate"]) if kind == "dropout" else plain[kind]()


class MurmurModel(nn.Module):
    def __init__(self, text):
        super().__init__()
        model = tomllib.loads(text)
        self.input_shape = tuple(model["input"])
        self.layers, values = [], {"input": torch.zeros(1, *self.input_shape)}
        before = "input"
        for place, layer in enumerate(model["layer"]):
            name, source = layer.get("name", str(place)), layer.get("from", before)
            module = None
            if layer["type"] != "add":
                module = make_layer(layer, values[source].shape[1:])
                self.put(name, module)
            self.layers.append((name, source, layer.get("with"), [module]))
            with torch.no_grad():
                values[name] = self.apply_layer(self.layers[-1], values)
            before = name

    def put(self, name, module):
        *folders, last = name.split(".")
        parent = self
        for folder in folders:
            if not hasattr(parent, folder):
                parent.add_module(folder, nn.Module())
            parent = getattr(parent, folder)
        parent.add_module(last, module)

    @staticmethod
    def apply_layer(layer, values):
        _, source, other, (module,) = layer
        return values[source] + values[other] if module is None else module(values[source])

    def forward(self, x):
        values = {"input": x}
        for layer in self.layers:
            values[layer[0]] = self.apply_layer(layer, values)
        return values[self.layers[-1][0]]


def read_safetensors(path):
    """The tensors of a file of F32, by name."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(data, dtype=torch.float32, offset=entry["data_offsets"][0],
                                   count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4)
            .reshape(entry["shape"]).clone() for name, entry in header.items()}


def main():
    with open(sys.argv[1]) as file:
        model = MurmurModel(file.read())
    model.load_state_dict(read_safetensors(sys.argv[2]))
    print(model)
    print(sum(p.numel() for p in model.parameters()), "parameters")


if __name__ == "__main__":
    main()
