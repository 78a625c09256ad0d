#!/usr/bin/env python3
"""second_implementation.py PROGRAM GOLDEN: the peer of examples/python beside two of PROGRAM, without
a key and with one, and the documented bytes of every message. Status 77: pyzmq is not there."""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile

try:
    import zmq
except ImportError:
    print("SKIPPED: python3-zmq is not installed")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "python")
sys.path.insert(0, EXAMPLE)
import wire  # noqa: E402


def golden(path):
    seen = []
    for line in open(path, encoding="ascii"):
        if line.startswith("#"):
            continue
        name, head, payload = line.split()
        head = bytes.fromhex(head)
        payload = b"" if payload == "-" else bytes.fromhex(payload)
        header, body = wire.decode(head, payload)
        assert body["type"] == name, name
        assert wire.encode(header, body, payload) == head, name
        for cut in range(len(head)):
            try:
                wire.decode(head[:cut], payload)
                raise AssertionError(f"{name}, cut to {cut} bytes, was read")
            except wire.Malformed:
                pass
        seen.append(name)
    assert tuple(seen) == wire.TYPES, seen


def parameters(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        tensors = json.loads(file.read(size))
        data = file.read()
    offsets = sorted(t["data_offsets"] for n, t in tensors.items() if n != "__metadata__")
    flat = b"".join(data[begin:end] for begin, end in offsets)
    return struct.unpack(f"<{len(flat) // 4}f", flat)


def apart(a, b):
    norm = sum(v * v for v in a) ** 0.5
    return sum((v - w) ** 2 for v, w in zip(a, b)) ** 0.5 / norm


def port_of(log):
    while True:
        line = log.readline()
        assert line, "a peer ended before it listened"
        found = re.search(r" at 127\.0\.0\.1:(\d+):", line)
        if found:
            return found.group(1)


def swarm(program, key):
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--data", "digits", "--model", "mlp:64-128-10", "--duration", "6s",
                 "--wait-for", "1"]
        secret = []
        if key:
            secret = ["--key", os.path.join(folder, "key")]
            subprocess.run([program, "keygen", secret[1]], check=True, stdout=subprocess.DEVNULL)
        peers = []
        port = None
        for i in range(2):
            out = os.path.join(folder, f"out{i}")
            join = ["--join", f"127.0.0.1:{port}"] if port else []
            peer = subprocess.Popen(
                [program, "peer", "--listen", "127.0.0.1:0", "--part", f"{i}/2", "--out", out]
                + flags + join + secret,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            port = port or port_of(peer.stdout)
            peers.append((peer, out))
        mine = os.path.join(folder, "x")
        ours = subprocess.run(
            [sys.executable, os.path.join(EXAMPLE, "peer.py"), "--join", f"127.0.0.1:{port}",
             "--seconds", "60", "--out", mine] + secret,
            capture_output=True, text=True, timeout=120)
        print(ours.stdout.strip(), ours.stderr.strip())
        for peer, out in peers:
            text = peer.communicate(timeout=60)[0]
            assert peer.returncode == 0, text
        assert ours.returncode == 0, ours.stderr
        count = json.loads(ours.stdout)
        assert count["took"] > 0 and count["gave"] > 0, count
        assert count["gave"] == count["receipted"] + count["pending"] + count["left_owing"], count
        assert count["pending"] == 0 and count["refused"] == 0 and count["dropped"] == 0, count
        with open(mine, "rb") as file:
            data = file.read()
        x = struct.unpack(f"<{len(data) // 4}f", data)
        for _, out in peers:
            theirs = parameters(os.path.join(out, "model.safetensors"))
            assert len(theirs) == len(x)
            print(f"apart by {apart(theirs, x):.2e}")
            assert apart(theirs, x) < 5e-4
            with open(os.path.join(out, "summary.json"), encoding="utf8") as file:
                summary = json.load(file)
            counters = summary["counters"]
            assert counters["lost_here"] == counters["lost_there"] == 0, counters
            assert counters["transfers_refused"] == 0, counters


def main():
    program, messages = sys.argv[1:]
    golden(messages)
    swarm(program, key=False)
    if "keygen" in subprocess.run([program, "--help"], capture_output=True, text=True).stdout:
        swarm(program, key=True)


if __name__ == "__main__":
    main()
