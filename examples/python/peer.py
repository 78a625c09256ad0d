#!/usr/bin/env python3
"""A whole murmur peer in one file, written from docs/protocol.md: it joins a swarm, copies the
parameters of a neighbour, serves and initiates exchanges, and keeps the books. It does not train,
and has no checkpoint: it is for reading, and for holding the document against the program.

  peer.py --join HOST:PORT [--listen HOST:PORT] [--key FILE] [--model MODEL] [--seconds S]

At its end it prints one line of JSON: what it gave, took and settled. Needs pyzmq.
"""

import argparse
import json
import os
import random
import struct
import sys
import time

import zmq

import keys
import wire

FP32, FP16, INT8 = 0, 1, 2
FRAME = 512 << 10
RETRY = 0.2      # seconds, of whatever was not answered
PING_EVERY = 0.5
SILENT_MAX = 2.5
SHARD = 262144   # parameters


# ---- codecs --------------------------------------------------------------------------------------

def decode(codec, data):
    if codec == FP32:
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    if codec == FP16:
        return list(struct.unpack(f"<{len(data) // 2}e", data))
    n = len(data) * 256 // 257
    while n + (n + 255) // 256 < len(data):
        n += 1
    q = struct.unpack(f"<{n}b", data[:n])
    exponents = struct.unpack(f"<{len(data) - n}b", data[n:])
    return [q[i] * 2.0 ** exponents[i // 256] for i in range(n)]


def encode(values):
    return struct.pack(f"<{len(values)}f", *values)


def rounded(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


# ---- what is remembered of one other peer ----------------------------------------------------------

class Edge:
    """One neighbour: the link to it, and the two directed edges of transfers."""

    def __init__(self, peer, address):
        self.peer, self.address = peer, address
        self.boot, self.phase, self.step, self.lineage = 0, "joining", 0, 0
        self.nonce = random.getrandbits(64) | 1
        self.reached = False      # our nonce came back, in a message of its own
        self.took, self.taken = False, False  # its Resume here, ours there
        self.heard = self.hello_at = self.resume_at = 0.0
        self.created = 0          # transfers that we made for it, in our only boot
        self.seen = []            # [boot, seq] of those that it made and we decided, rising
        self.not_applied = set()  # of these, what was refused, void or lost, until it has settled it
        self.pending = None       # the one that it has not receipted: (body, payload); a window of one
        self.pending_there = []   # what its Resume named as pending
        self.sent_at = 0.0
        self.answered = (0, 0)    # its newest offer that we decided on
        self.offered = 0          # ours to it
        self.offer_taken = (0, 0)  # our newest offer that a transfer answered

    @property
    def up(self):
        return self.took and self.taken

    def highest(self):
        return tuple(self.seen[-1]) if self.seen else (0, 0)

    def mark_seen(self, tid):
        if not self.seen or self.seen[-1][0] != tid[0]:
            self.seen.append([tid[0], 0])
        self.seen[-1][1] = tid[1]

    def is_next(self, tid):
        """Whether that is the transfer which comes after the last one decided."""
        if self.pending_there:
            return tid == self.pending_there[0]
        boot, seq = self.highest()
        return tid[0] == self.boot and tid[1] == (seq if boot == self.boot else 0) + 1


class Peer:
    def __init__(self, options):
        self.swarm_key = keys.read_swarm_key(options.key) if options.key else None
        self.secret, self.public = keys.draw_pair()
        self.id = keys.peer_id(self.public)
        self.swarm = keys.swarm_id(self.swarm_key) if self.swarm_key else 0
        self.boot, self.process = 1, random.getrandbits(64) | 1
        self.model, self.schema = options.model, wire.schema_hash(options.model)
        self.phase, self.step, self.lineage = "joining", 0, 0
        self.x = None
        self.edges, self.sockets = {}, {}
        self.left = {}            # edges to those that said goodbye: what was exchanged stays known
        self.contacts = {address: random.getrandbits(64) | 1 for address in options.join}
        self.contact_at = 0.0
        self.own = None           # the offer in flight: (peer, oid, shard, deadline)
        self.offer_at = 0.0
        self.copy = None          # the state being copied: [donor, snapshot, bytes, asked at]
        self.count = dict.fromkeys(("gave", "took", "receipted", "refused", "voided", "declined",
                                    "dropped"), 0)
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.authenticator = None
        if self.swarm_key:
            self.authenticator = keys.let_all_in(self.context)
            secret, _ = keys.listening_pair(self.swarm_key)
            self.router.curve_server = True
            self.router.curve_secretkey = secret
        host, port = options.listen.rsplit(":", 1)
        if port == "0":
            port = self.router.bind_to_random_port(f"tcp://{host}")
        else:
            self.router.bind(f"tcp://{options.listen}")
        self.address = f"{host}:{port}"

    # ---- sending -------------------------------------------------------------------------------

    def send(self, address, dst, dst_boot, body, payload=b""):
        if address not in self.sockets:
            socket = self.context.socket(zmq.DEALER)
            socket.linger = 0
            if self.swarm_key:
                socket.curve_secretkey, socket.curve_publickey = self.secret, self.public
                socket.curve_serverkey = keys.listening_pair(self.swarm_key)[1]
            socket.connect(f"tcp://{address}")
            self.sockets[address] = socket
        header = {"phase": self.phase, "schema": self.schema, "swarm": self.swarm,
                  "lineage": self.lineage, "src": self.id, "dst": dst, "src_boot": self.boot,
                  "dst_boot": dst_boot, "step": self.step}
        frames = [wire.encode(header, body, payload)]
        frames += [payload[at:at + FRAME] for at in range(0, len(payload), FRAME)]
        try:
            self.sockets[address].send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            pass  # as if it were lost: everything that matters is sent again

    def tell(self, edge, body, payload=b""):
        if self.swarm_key and not edge.reached:
            return  # we do not know yet whom we reach there
        self.send(edge.address, edge.peer, edge.boot, body, payload)

    def say_hello(self, address, dst, nonce, echo, wants_reply):
        proof = keys.proof(self.swarm_key, self.public) if self.swarm_key else bytes(32)
        self.send(address, dst, 0, {
            "type": "Hello", "wants_reply": wants_reply, "nonce": nonce, "echo": echo,
            "process": self.process, "lineage_step": self.step, "rule": 0, "codecs": 7,
            "state": {"optimizer": 0, "planes": [0]}, "shards": [], "proof": proof,
            "address": self.address, "model": self.model, "verdicts": [], "members": []})

    def say_resume(self, edge):
        edge.resume_at = time.monotonic()
        self.tell(edge, {
            "type": "Resume", "has_yours": edge.took, "wants_answer": not edge.taken,
            "created": [(self.boot, edge.created)] if edge.created else [], "seen": edge.seen,
            "pending": [edge.pending[0]["id"]] if edge.pending else []})

    def send_pending(self, edge):
        edge.sent_at = time.monotonic()
        body, payload = edge.pending
        if edge.lineage == self.lineage:
            self.tell(edge, body, payload)
        else:
            self.tell(edge, {"type": "Void", "id": body["id"]})

    def send_receipt(self, edge, tid):
        applied = tid not in edge.not_applied
        self.tell(edge, {"type": "Receipt", "up_to": edge.highest(), "decided": [
            {"id": tid, "refused": not applied, "shares": [wire.WHOLE_SHARE] if applied else []}]})

    # ---- receiving -----------------------------------------------------------------------------

    def receive(self):
        frames = self.router.recv_multipart(copy=False)[1:]
        if not frames:
            return
        head, payload = frames[0].bytes, b"".join(f.bytes for f in frames[1:])
        try:
            header, body = wire.decode(head, payload)
        except wire.Malformed:
            self.count["dropped"] += 1
            return
        src = header["src"]
        if self.swarm_key and keys.peer_id(keys.user_of(frames[0])) != src:
            self.count["dropped"] += 1  # in another's name
            return
        if src == self.id or header["swarm"] != self.swarm:
            return
        if body["type"] == "Hello":
            if self.swarm_key and body["proof"] != keys.proof(self.swarm_key,
                                                              keys.user_of(frames[0])):
                return
            return self.on_hello(header, body)
        if body["type"] == "Refuse":
            return print(f"refused: {body['reason']}", file=sys.stderr)
        edge = self.edges.get(src)
        mine = header["dst"] == self.id and header["dst_boot"] == self.boot
        if not mine or edge is None or header["src_boot"] != edge.boot:
            return
        if body["type"] == "Resume":
            return self.on_resume(edge, header, body)
        if not edge.took:
            return
        edge.taken, edge.heard = True, time.monotonic()
        edge.phase, edge.step = header["phase"], header["step"]
        edge.lineage = header["lineage"] or edge.lineage
        if body["type"] in ("Offer", "Transfer", "Decline") and header["lineage"] != self.lineage:
            return
        try:
            getattr(self, "on_" + body["type"].lower())(edge, header, body, payload)
        except (struct.error, OverflowError, IndexError):
            self.count["dropped"] += 1  # no planes, a length that is none, or no number of 32 bits

    def on_hello(self, header, body):
        if header["schema"] != self.schema:
            return
        src = header["src"]
        if src in self.left:
            self.edges[src] = self.left.pop(src)
        edge = self.edges.setdefault(src, Edge(src, body["address"]))
        if header["src_boot"] < edge.boot:
            return
        if header["src_boot"] > edge.boot:
            edge.boot, edge.took, edge.taken, edge.phase = header["src_boot"], False, False, "joining"
        edge.address, edge.heard = body["address"], time.monotonic()
        edge.phase, edge.step, edge.lineage = header["phase"], header["step"], header["lineage"]
        nonces = [edge.nonce] + list(self.contacts.values())
        if header["dst"] == self.id and body["echo"] in nonces:
            edge.reached = True
            self.contacts = {a: n for a, n in self.contacts.items() if n != body["echo"]}
        if body["wants_reply"]:
            self.say_hello(edge.address, edge.peer, edge.nonce, body["nonce"], not edge.reached)
        for peer, address in body["members"]:
            if peer != self.id and peer not in self.left:
                self.edges.setdefault(peer, Edge(peer, address))

    def on_resume(self, edge, header, body):
        edge.heard = time.monotonic()
        if not edge.took:
            edge.took = True
            edge.pending_there = [tid for tid in body["pending"] if tid > edge.highest()]
            # Made by it, decided here or still pending: else it was lost here, with our memory.
            for boot, seq in body["created"]:
                first = min((t[1] for t in body["pending"] if t[0] == boot), default=seq + 1)
                if (boot, first - 1) > edge.highest() and first > 1:
                    newest = edge.highest()
                    seen = newest[1] if newest[0] == boot else 0
                    # A maker asks for what a window holds, at most.
                    edge.not_applied.update(
                        (boot, lost) for lost in range(max(seen, first - 17) + 1, first))
                    edge.mark_seen((boot, first - 1))
        edge.taken = edge.taken or bool(body["has_yours"])
        if body["wants_answer"]:
            self.say_resume(edge)
        if edge.up and edge.pending:
            self.send_pending(edge)

    def on_ping(self, edge, header, body, payload):
        self.tell(edge, {"type": "Pong", "members": []})

    def on_pong(self, edge, header, body, payload):
        pass

    def on_bye(self, edge, header, body, payload):
        edge.took = edge.taken = False
        self.left[edge.peer] = self.edges.pop(edge.peer)

    def on_staterequest(self, edge, header, body, payload):
        self.tell(edge, {"type": "StateChunk", "snapshot": body["snapshot"], "plane": 0,
                         "offset": 0, "step": 0, "optimizer_steps": 0,
                         "state": {"optimizer": 0, "planes": []}})

    def on_statechunk(self, edge, header, body, payload):
        copy = self.copy
        if self.phase != "joining" or copy is None or edge.peer != copy[0]:
            return
        if not body["state"]["planes"]:
            self.copy = None
            return
        if body["plane"] != 0 or body["offset"] != len(copy[2]):
            return
        copy[1], copy[2], copy[3] = body["snapshot"], copy[2] + payload, 0.0
        if header["lineage"] == edge.lineage and len(copy[2]) >= 4 * self.parameters():
            self.x = decode(FP32, copy[2])
            self.phase, self.step, self.lineage = "training", body["step"], edge.lineage
            self.copy = None

    def parameters(self):
        widths = [int(width) for width in self.model.split(":")[1].split("-")]
        return sum((i + 1) * o for i, o in zip(widths, widths[1:]))

    # ---- exchanges -----------------------------------------------------------------------------

    def may_mix(self, edge):
        return (edge.up and edge.lineage == self.lineage and self.x is not None and
                edge.phase not in ("joining", "done") and
                (edge.phase == "training") == (self.phase == "training"))

    def decline(self, edge, oid, reason):
        self.count["declined"] += 1
        self.tell(edge, {"type": "Decline", "offer": oid, "reason": reason, "retry_ms": 10})

    def on_offer(self, edge, header, body, payload):
        if body["id"] <= edge.answered:
            if edge.pending and edge.pending[0]["offer"] == body["id"]:
                self.send_pending(edge)
            return
        edge.answered = body["id"]
        plane, codec, _ = body["planes"][0]
        begin = body["shard"] * SHARD
        own = self.x[begin:begin + SHARD] if self.x else []
        theirs = decode(codec, payload)
        if len(body["planes"]) != 1 or plane != 0 or len(theirs) != len(own):
            return self.decline(edge, body["id"], 3)
        if self.own and self.own[0] == edge.peer and self.own[2] == body["shard"]:
            if self.id < edge.peer:
                return self.decline(edge, body["id"], 1)
            self.own = None
        if not self.may_mix(edge) or edge.pending:
            return self.decline(edge, body["id"], 0)
        weight = rounded(0.5 / (1 + body["expected_staleness"] / 64))  # as it is sent
        q = [rounded(t - o) for t, o in zip(theirs, own)]
        self.x[begin:begin + SHARD] = [rounded(o + weight * d) for o, d in zip(own, q)]
        edge.created += 1
        data = encode(q)
        edge.pending = ({"type": "Transfer", "id": (self.boot, edge.created), "offer": body["id"],
                         "shard": body["shard"], "weight": weight, "mass": 0.0, "step": self.step,
                         # Nothing is saved: what was receipted is not asked for again.
                         "settled": (self.boot, edge.created),
                         "planes": [(0, FP32, len(data))]}, data)
        self.count["gave"] += 1
        self.send_pending(edge)

    def on_transfer(self, edge, header, body, payload):
        tid = body["id"]
        edge.not_applied = {old for old in edge.not_applied if old >= body["settled"]}
        if tid <= edge.highest():
            return self.send_receipt(edge, tid)
        if not edge.is_next(tid):
            return
        begin = body["shard"] * SHARD
        own = self.x[begin:begin + SHARD] if self.x else []
        plane, codec, _ = body["planes"][0]
        q = decode(codec, payload)
        asked = edge.offer_taken < body["offer"] <= (self.boot, edge.offered)
        good = (asked and len(body["planes"]) == 1 and plane == 0 and len(q) == len(own) and
                0 < body["weight"] <= 1 and all(abs(d) < 1e30 for d in q))
        edge.mark_seen(tid)
        if edge.pending_there:
            edge.pending_there.pop(0)
        if asked:
            edge.offer_taken = body["offer"]
        if self.own and self.own[:2] == (edge.peer, body["offer"]):
            self.own = None
        if good:
            self.x[begin:begin + SHARD] = [rounded(o - body["weight"] * d) for o, d in zip(own, q)]
        else:
            edge.not_applied.add(tid)
        self.count["took" if good else "refused"] += 1
        self.send_receipt(edge, tid)

    def on_void(self, edge, header, body, payload):
        if body["id"] > edge.highest():
            if not edge.is_next(body["id"]):
                return
            edge.mark_seen(body["id"])
            if edge.pending_there:
                edge.pending_there.pop(0)
            edge.not_applied.add(body["id"])
            self.count["voided"] += 1
        self.send_receipt(edge, body["id"])

    def on_receipt(self, edge, header, body, payload):
        if edge.pending and any(d["id"] == edge.pending[0]["id"] for d in body["decided"]):
            edge.pending = None
            self.count["receipted"] += 1

    def on_decline(self, edge, header, body, payload):
        if self.own and self.own[:2] == (edge.peer, body["offer"]):
            self.own = None

    def make_offer(self):
        able = [e for e in self.edges.values() if self.may_mix(e) and not e.pending]
        if self.own or not able or not self.x:
            return
        edge = random.choice(able)
        shard = random.randrange((len(self.x) + SHARD - 1) // SHARD)
        edge.offered += 1
        oid = (self.boot, edge.offered)
        data = encode(self.x[shard * SHARD:(shard + 1) * SHARD])
        self.own = (edge.peer, oid, shard, time.monotonic() + 1)
        self.tell(edge, {"type": "Offer", "id": oid, "shard": shard, "expected_staleness": 0,
                         "planes": [(0, FP32, len(data))]}, data)

    # ---- time ----------------------------------------------------------------------------------

    def tick(self):
        now = time.monotonic()
        if now - self.contact_at > RETRY:
            self.contact_at = now
            for address, nonce in self.contacts.items():
                self.say_hello(address, 0, nonce, 0, True)
        for edge in list(self.edges.values()):
            if edge.boot and now - edge.heard > SILENT_MAX:
                edge.took = edge.taken = False
            if (not edge.boot or not edge.reached or now - edge.heard > SILENT_MAX) and \
                    now - edge.hello_at > RETRY:
                edge.hello_at = now
                self.say_hello(edge.address, edge.peer, edge.nonce, 0, True)
            elif edge.boot and not edge.up and now - edge.resume_at > RETRY:
                self.say_resume(edge)
            elif edge.up and now - edge.heard > PING_EVERY:
                self.tell(edge, {"type": "Ping", "members": []})
            if edge.up and edge.pending and now - edge.sent_at > RETRY:
                self.send_pending(edge)
        if self.phase == "joining":
            self.seek_state(now)
        if self.own and now > self.own[3]:
            self.own = None  # nothing is undone: a transfer that comes after all is applied
        if now - self.offer_at > 0.02:
            self.offer_at = now
            self.make_offer()

    def seek_state(self, now):
        if self.copy is None:
            donors = [e for e in self.edges.values() if e.up and e.lineage and e.phase != "done"]
            if donors:
                donor = max(donors, key=lambda e: e.step)
                self.copy = [donor.peer, 0, b"", 0.0]
        if self.copy and now - self.copy[3] > RETRY:
            self.copy[3] = now
            edge = self.edges.get(self.copy[0])
            if edge is None:
                self.copy = None
                return
            self.tell(edge, {"type": "StateRequest", "snapshot": self.copy[1], "plane": 0,
                             "offset": len(self.copy[2])})

    def run(self, seconds):
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        end = time.monotonic() + seconds
        met, quiet_from = False, None
        while time.monotonic() < end:
            for _ in range(100):
                if not poller.poll(10 if _ == 0 else 0):
                    break
                self.receive()
            self.tick()
            met = met or self.phase == "training"
            if self.phase == "training" and self.edges and all(
                    e.phase not in ("joining", "training") for e in self.edges.values()):
                self.phase = "settling"
            if self.phase == "settling" and all(
                    e.phase == "lingering" for e in self.edges.values()):
                self.phase = "lingering"
            owed = any(e.pending for e in self.edges.values())
            if met and not owed and not self.own and (not self.edges or self.phase == "lingering"):
                quiet_from = quiet_from or time.monotonic()
                if not self.edges or time.monotonic() - quiet_from > 1:
                    break
            else:
                quiet_from = None
        self.phase = "done"
        for edge in self.edges.values():
            if edge.up:
                self.tell(edge, {"type": "Bye"})
        time.sleep(0.2)
        self.count["pending"] = sum(e.pending is not None for e in self.edges.values())
        self.count["left_owing"] = sum(e.pending is not None for e in self.left.values())
        self.count["step"] = self.step
        if self.authenticator:
            self.authenticator.stop()
        return self.x


def main():
    parser = argparse.ArgumentParser(description="A murmur peer that does not train.")
    parser.add_argument("--join", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--key", metavar="FILE", help="the swarm's key")
    parser.add_argument("--model", default="mlp:64-128-10")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--out", metavar="FILE", help="its parameters at the end, as fp32")
    options = parser.parse_args()
    peer = Peer(options)
    x = peer.run(options.seconds)
    if options.out and x:
        with open(options.out, "wb") as file:
            file.write(encode(x))
    print(json.dumps(peer.count))
    return 0 if x else 1


if __name__ == "__main__":
    sys.exit(main())
