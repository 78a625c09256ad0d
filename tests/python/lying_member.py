#!/usr/bin/env python3
"""lying_member.py PROGRAM [SECONDS [LIE...]]: a member that has the swarm's key and lies, in every way
that a list of lies has, to two real peers that exchange with each other: each lie SECONDS (1) long,
under an identity of its own, and after it as long a time without. The peers' books with each other must
balance to the last transfer, their memory stay within its formula, and whoever tells a lie that can be
known for one be named once. What is left of the pace is printed; with SECONDS the liar is niced, and
between lies it tells the same to a port that closes whatever comes, so that this says what the lies
alone cost. Status 77: pyzmq is not there."""

import atexit
import json
import os
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

try:
    import zmq
except ImportError:
    print("SKIPPED: python3-zmq is not installed")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "python"))
import keys  # noqa: E402
import wire  # noqa: E402

MODEL = "mlp:64-32-10"
PARAMETERS = 65 * 32 + 33 * 10
STATE = struct.pack(f"<{PARAMETERS}f", *[3.0] * PARAMETERS)  # finite, and worthless
NOTHING = bytes(PARAMETERS + (PARAMETERS + 255) // 256)  # as int8: what is applied changes nothing
INT8 = [(0, 2, len(NOTHING))]
HUGE = (1 << 64) - 1
LINEAGE = 0x11A511A511A511A5
# What a peer of this model takes, and what it may grow by (docs/security.md).
MEMORY_MAX_MIB = 40 + 128
BLANK_OFFER = {"type": "Offer", "id": (1, 1), "shard": 0, "expected_staleness": 0,
               "planes": INT8}


class Swarm:
    """Two honest peers, and the place where all liars listen."""

    def __init__(self, program, folder):
        self.key_file = os.path.join(folder, "key")
        subprocess.run([program, "keygen", self.key_file], check=True, stdout=subprocess.DEVNULL)
        self.key = keys.read_swarm_key(self.key_file)
        self.schema = wire.schema_hash(MODEL)
        self.peers = []
        for i in range(2):
            self.peers.append(Honest(program, folder, i, self))
        self.context = zmq.Context()
        self.authenticator = keys.let_all_in(self.context)
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.curve_server = True
        self.router.curve_secretkey = keys.listening_pair(self.key)[0]
        port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"127.0.0.1:{port}"

    def receive(self, wait_ms):
        """The next message to a liar: its header and body, or None."""
        if not self.router.poll(wait_ms):
            return None
        frames = self.router.recv_multipart()[1:]
        head, payload = frames[0], b"".join(frames[1:])
        header, body = wire.decode(head, b"") if not payload else self.trusting(head, payload)
        return header, body

    @staticmethod
    def trusting(head, payload):
        """Without the checksum, which takes Python long over a payload."""
        kept, wire.crc32c = wire.crc32c, lambda *_: struct.unpack_from("<I", head, 88)[0]
        try:
            return wire.decode(head, payload)
        finally:
            wire.crc32c = kept

    def close(self):
        self.authenticator.stop()
        self.context.destroy(linger=0)


class Honest:
    def __init__(self, program, folder, number, swarm):
        self.out = os.path.join(folder, f"out{number}")
        self.log_file = os.path.join(folder, f"log{number}")
        command = [program, "peer", "--listen", "127.0.0.1:0", "--part", f"{number}/2",
                   "--model", MODEL, "--key", swarm.key_file, "--wait-for", "1", "--out", self.out]
        if number:
            command += ["--join", swarm.peers[0].address]
        with open(self.log_file, "w", encoding="utf8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        atexit.register(self.process.kill)
        listening = re.compile(r" at (127\.0\.0\.1:\d+):")
        while not listening.search(self.log()) or not self.records("start"):
            assert self.process.poll() is None, self.log()
            time.sleep(0.01)
        self.address = listening.search(self.log()).group(1)
        start = self.records("start")[0]
        self.id, self.boot = int(start["id"], 16), start["boot"]

    def log(self):
        with open(self.log_file, encoding="utf8") as file:
            return file.read()

    def records(self, event):
        try:
            with open(os.path.join(self.out, "metrics.jsonl"), encoding="utf8") as file:
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines
                if line.endswith("\n") and f'"event":"{event}"' in line]

    def status(self):
        records = self.records("status")
        return records[-1] if records else {"t": 0.0, "exchanges": 0, "step": 0}

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) >> 10


class Wall:
    """Closes whatever comes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self.listener.getsockname()[1])
        threading.Thread(target=self.close_all, daemon=True).start()

    def close_all(self):
        while True:
            self.listener.accept()[0].close()


class Liar:
    """A member, with a key of its own, that knows the peers, or a wall instead of each."""

    def __init__(self, swarm, phase, wall=None):
        self.swarm = swarm
        self.secret, self.public = keys.draw_pair()
        self.id = keys.peer_id(self.public)
        self.boot, self.process = 1, random.getrandbits(64) | 1
        self.seen_lineages = {p.id: int(p.status()["lineage"], 16) for p in swarm.peers}
        self.lineage, self.step, self.phase = self.seen_lineages[swarm.peers[0].id], 0, phase
        self.sockets = {}
        self.given = 0            # transfers of ours that were applied
        self.owed = set()         # transfers made for us: (maker, id)
        self.resume = {}          # what to say instead of the truth
        # The last one made to us, by maker; walls make none.
        self.offers = {p.id: ({}, BLANK_OFFER) for p in swarm.peers} if wall else {}
        self.answers = {}         # the one of these that we answer, again and again
        self.receipted, self.decided, self.unasked = set(), {}, {}
        self.met = set()          # whose Resume came
        for peer in swarm.peers:
            dealer = swarm.context.socket(zmq.DEALER)
            dealer.linger = 0
            dealer.sndhwm = 1000
            dealer.curve_secretkey, dealer.curve_publickey = self.secret, self.public
            dealer.curve_serverkey = keys.listening_pair(swarm.key)[1]
            dealer.connect(f"tcp://{(wall or peer).address}")
            self.sockets[peer.id] = dealer

    def frames(self, to, body, payload=b"", src=None, **header):
        full = {"phase": self.phase, "schema": self.swarm.schema,
                "swarm": keys.swarm_id(self.swarm.key), "lineage": self.lineage,
                "src": src or self.id, "dst": to.id,
                "src_boot": self.boot, "dst_boot": to.boot, "step": self.step, **header}
        head = wire.encode(full, body, payload)
        return [head, payload] if payload else [head]

    def send(self, to, frames):
        """False: the other does not take any more for now."""
        try:
            self.sockets[to.id].send_multipart(frames, zmq.NOBLOCK)
            return True
        except zmq.Again:
            return False

    def tell(self, to, body, payload=b"", **header):
        return self.send(to, self.frames(to, body, payload, **header))

    def hello(self, echo=0, **lies):
        return {"type": "Hello", "wants_reply": True, "nonce": 1, "echo": echo,
                "process": self.process, "lineage_step": self.step, "rule": 0, "codecs": 7,
                "state": {"optimizer": 0, "planes": [0]}, "shards": [],
                "proof": keys.proof(self.swarm.key, self.public), "address": self.swarm.address,
                "model": MODEL, "verdicts": [], "members": [], **lies}

    def listen(self, wait_ms=1, answer=True):
        """Does what a member does when it is told something; False if nothing came."""
        got = self.swarm.receive(wait_ms)
        if not got:
            return False
        header, body = got
        peer = next((p for p in self.swarm.peers if p.id == header["src"]), None)
        if peer is None or header["dst"] != self.id:
            return True
        peer.boot = max(peer.boot, header["src_boot"])
        kind = body["type"]
        if kind == "Transfer":
            self.owed.add((peer.id, body["id"]))
        if kind == "Receipt":
            self.given += sum(1 for d in body["decided"]
                              if not d["refused"] and (peer.id, d["id"]) not in self.receipted)
            self.receipted |= {(peer.id, d["id"]) for d in body["decided"]}
            self.decided[peer.id] = max(self.decided.get(peer.id, 0), body["up_to"][1])
        if kind == "Offer":
            self.offers[peer.id] = (header, body)
        if not answer:
            return True
        if kind == "Hello":
            self.tell(peer, self.hello(echo=body["nonce"], wants_reply=False))
        elif kind == "Resume":
            self.met.add(peer.id)
            self.tell(peer, {"type": "Resume", "has_yours": True,
                             "wants_answer": not body["has_yours"], "created": [], "seen": [],
                             "pending": [], **self.resume})
        elif kind == "Ping":
            self.tell(peer, {"type": "Pong", "members": []})
        elif kind == "StateRequest":
            self.tell(peer, {"type": "StateChunk", "snapshot": 1, "plane": 0, "offset": 0,
                             "step": self.step, "optimizer_steps": 0,
                             "state": {"optimizer": 0, "planes": [0]}}, STATE)
        return True

    def hear_out(self):
        """What is on the way, as far as it comes within a moment."""
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            self.listen(20, answer=False)

    def befriend(self):
        """Until both peers take it for a neighbour; half a minute is for a machine that is busy."""
        end = time.monotonic() + 30
        said = 0.0
        while len(self.met) < len(self.swarm.peers):
            assert time.monotonic() < end, "the peers do not let the liar in"
            if time.monotonic() - said > 0.2:
                said = time.monotonic()
                for peer in self.swarm.peers:
                    self.tell(peer, self.hello())
            self.listen(10)

    def close(self):
        for dealer in self.sockets.values():
            dealer.close()


# ---- the lies ------------------------------------------------------------------------------------
# Each is called with a liar and, again and again, makes one message (or a few) for one of the peers:
# lists of frames.

def another(liar, to):
    return next(p.id for p in liar.swarm.peers if p is not to)


def transfer(seq, offer, boot=1, **lies):
    return {"type": "Transfer", "id": (boot, seq), "offer": offer, "shard": 0, "weight": 0.5,
            "mass": 0.0, "step": 0, "settled": (boot, seq), "planes": INT8, **lies}


def plausible(liar):
    """A body of every type."""
    tid = (1, 1)
    return [
        (liar.hello(), b""), ({"type": "Refuse", "echo": 1, "newest_boot": 9, "reason": "no"}, b""),
        ({"type": "Resume", "has_yours": 1, "wants_answer": 1, "created": [(1, 99)], "seen": [],
          "pending": []}, b""),
        (BLANK_OFFER, NOTHING), (transfer(1, (1, 1)), NOTHING), ({"type": "Void", "id": tid}, b""),
        ({"type": "Receipt", "up_to": (1, 1 << 40), "decided": [
            {"id": tid, "refused": 0, "shares": [wire.WHOLE_SHARE]}]}, b""),
        ({"type": "Decline", "offer": (1, 1), "reason": 0, "retry_ms": 60000}, b""),
        ({"type": "Ping", "members": []}, b""), ({"type": "Pong", "members": []}, b""),
        ({"type": "StateRequest", "snapshot": 0, "plane": 0, "offset": 0}, b""),
        ({"type": "StateChunk", "snapshot": 1, "plane": 0, "offset": 0, "step": 1 << 40,
          "optimizer_steps": 0, "state": {"optimizer": 0, "planes": [0]}}, NOTHING),
        ({"type": "Bye"}, b"")]


def forged(liar, to, i):
    body, payload = plausible(liar)[i % 13]
    return [liar.frames(to, body, payload, src=another(liar, to))]


def bogus_members(liar, to, i):
    members = [(random.getrandbits(128), f"127.0.0.1:{1 + random.randrange(1000)}")
               for _ in range(32)]
    kind = ("Ping", "Pong")[i % 2]
    return [liar.frames(to, {"type": kind, "members": members})]


def unasked(liar, to, i):
    # In a row, without waiting for the receipt of each; but no further ahead of them than a window.
    decided = liar.decided.get(to.id, 0)
    last = liar.unasked.get(to.id, 0)
    liar.unasked[to.id] = last + 1 if decided <= last < decided + 8 else decided + 1
    return [liar.frames(to, transfer(liar.unasked[to.id], (1, 1000 + i)), NOTHING)]


def answered_again(liar, to, i):
    """One honest answer to an offer, and then more and more of them."""
    if to.id not in liar.offers:
        return []
    _, offer = liar.offers[to.id]
    answered = liar.answers.setdefault(to.id, offer["id"])
    return [liar.frames(to, transfer(liar.decided.get(to.id, 0) + 1, answered), NOTHING)]


def numbers(liar, to, i):
    """Transfers and Voids whose numbers come from nowhere."""
    seq = (0, HUGE, HUGE - 1, 1 << 63, 1000, 17)[i % 6]
    if i % 2:
        return [liar.frames(to, {"type": "Void", "id": (1 + i % 3, seq or 9)})]
    return [liar.frames(to, transfer(seq, (1, 1), boot=1 + i % 5), NOTHING)]


def resumes(liar, to, i):
    """Under a new boot each time, for a Resume is taken once a boot."""
    if i == 0 and not hasattr(liar, "claims"):
        liar.claims = 0
    liar.claims += 1
    liar.boot = 1 + liar.claims
    lie = (
        {"created": [(liar.boot, HUGE)]},
        {"created": [(liar.boot, 1 << 40)], "pending": [(liar.boot, 1 << 40)]},
        {"created": [(1, 5)], "pending": [(1, 1 + n) for n in range(16)]},
        {"seen": [(1, HUGE)]},
        {"created": [(b, HUGE) for b in range(1, 3001)]},
        {"created": [(b, 1) for b in range(1, 3001)], "seen": [(b, 1) for b in range(1, 3001)]},
        {"created": [(2, 1), (1, 1)]},
    )[i % 7]
    resume = {"type": "Resume", "has_yours": True, "wants_answer": True, "created": [],
              "seen": [], "pending": [], **lie}
    return [liar.frames(to, liar.hello()), liar.frames(to, resume)]


def receipts(liar, to, i):
    decided = ([], [{"id": (1, HUGE), "refused": 0, "shares": [wire.WHOLE_SHARE]}],
               [{"id": (1, n), "refused": n % 2, "shares": [1] * 255} for n in range(1, 17)],
               [{"id": (7, 7), "refused": 255, "shares": []}])[i % 4]
    return [liar.frames(to, {"type": "Receipt", "up_to": (1, HUGE), "decided": decided})]


def huge_hellos(liar, to, i):
    lies = ({"lineage_step": HUGE}, {"shards": [(n, HUGE >> 32) for n in range(64)]},
            {"state": {"optimizer": 255, "planes": list(range(255))}},
            {"verdicts": [(random.getrandbits(64), random.getrandbits(64)) for _ in range(255)]},
            {"shards": [(0, 1)] * 255}, {"codecs": HUGE >> 32, "rule": 255},
            {"members": [(random.getrandbits(128), "127.0.0.1:1")] * 255},
            {"address": "nowhere"})[i % 8]
    return [liar.frames(to, liar.hello(**lies))]


def lineages(liar, to, i):
    """Of 2^40 steps, to which it says that the peers' own has to yield, and with a copy to give."""
    liar.lineage, liar.step, liar.phase = LINEAGE, 1 << 40, "training"
    own = liar.seen_lineages.get(to.id, 0)
    verdicts = [(own, LINEAGE)] if own else []
    verdicts += [(1 + n, LINEAGE) for n in range(i % 60)]
    return [liar.frames(to, liar.hello(verdicts=sorted(verdicts)))]


def state_requests(liar, to, i):
    snapshot = (0, 0, 1, 2, HUGE >> 32)[i % 5]
    return [liar.frames(to, {"type": "StateRequest", "snapshot": snapshot, "plane": 0,
                             "offset": (0, 4, HUGE, 4 * PARAMETERS - 1)[i % 4]})]


def state_chunks(liar, to, i):
    return [liar.frames(to, {"type": "StateChunk", "snapshot": i % 3, "plane": i % 4,
                             "offset": (0, HUGE, 1 << 40)[i % 3], "step": 1 << 40,
                             "optimizer_steps": HUGE, "state": {"optimizer": i % 4, "planes": [0]}},
                        NOTHING)]


def newer_boots(liar, to, i):
    return [liar.frames(to, {"type": "Refuse", "echo": 0, "newest_boot": (to.boot + 1, 1 << 31)[i % 2],
                             "reason": "r" * 255})]


def pings(liar, to, _):
    return [liar.frames(to, {"type": "Ping", "members": []})]


def offers(liar, to, i):
    return [liar.frames(to, {**BLANK_OFFER, "id": (1, 1 + i)}, NOTHING)]


def repeated_offers(liar, to, i):
    return [liar.frames(to, {**BLANK_OFFER, "id": (1, 1 + i % 2)}, NOTHING)]


def wrong_offers(liar, to, i):
    return [liar.frames(to, {**BLANK_OFFER, "id": (1, 1 + i), "shard": HUGE >> 32}, NOTHING)]


def hellos(liar, to, _):
    return [liar.frames(to, liar.hello())]


def garbage(liar, to, i):
    """A true message, of which one byte was changed."""
    head = bytearray(liar.frames(to, {"type": "Ping", "members": []})[0])
    head[random.randrange(len(head))] ^= 1 << i % 8
    return [[bytes(head)]]


# Name, lie, messages a second to each peer (None: as many as go), in which phase the liar says to be,
# and whether the peers can know that it lies, and so must name it.
LIES = (
    ("forged messages", forged, 200, "training", True),
    ("bogus members", bogus_members, 200, "joining", False),
    ("unasked transfers", unasked, 200, "joining", True),
    ("transfers for answered offers", answered_again, 200, "training", True),
    ("numbers from nowhere", numbers, 200, "joining", True),
    ("lying Resumes", resumes, 20, "joining", True),
    ("lying Receipts", receipts, 200, "joining", True),
    ("huge Hellos", huge_hellos, 20, "joining", True),
    ("a lineage of 2^40 steps", lineages, 20, "joining", True),
    ("StateRequests", state_requests, None, "joining", True),
    ("StateChunks", state_chunks, 200, "joining", True),
    ("newer boots", newer_boots, 20, "joining", True),
    ("Pings", pings, None, "joining", True),
    ("Offers", offers, None, "training", True),
    ("repeated Offers", repeated_offers, None, "training", True),
    ("Offers of no shard", wrong_offers, 200, "training", True),
    ("Hellos", hellos, None, "joining", True),
    ("damaged messages", garbage, 200, "joining", True),
)

# Where a liar must be named, it goes on so long if it was not yet: a machine may be busy.
PATIENCE = 40


def tell_lies(liar, lie, rate, seconds, named):
    """As many a second, or in floods those that were made before, again and again."""
    peers = liar.swarm.peers
    ready = []
    if rate is None:
        ready = [(p, frames) for i in range(400) for p in peers for frames in lie(liar, p, i)]
    # A true Hello in answer would take the place of a false one.
    answers = not ready and lie is not huge_hellos
    began, made, sent = time.monotonic(), 0, 0
    end = began + seconds
    while time.monotonic() < end:
        for p, frames in ready:
            sent += liar.send(p, frames)
        while rate and made < (time.monotonic() - began) * rate and time.monotonic() < end:
            for p in peers:
                for frames in lie(liar, p, made):
                    sent += liar.send(p, frames)
            made += 1
            liar.listen(0, answers)
        for _ in range(50):
            if not liar.listen(0 if ready else 2, answers):
                break
        now = time.monotonic()
        if end <= now < began + PATIENCE and not named():
            end = now + 0.5
    return sent


def pace(swarm, act):
    """Exchanges a second of both peers while that is done."""
    before = [p.status() for p in swarm.peers]
    act()
    after = [p.status() for p in swarm.peers]
    return sum((a["exchanges"] - b["exchanges"]) / max(a["t"] - b["t"], 1e-3)
               for b, a in zip(before, after))


def words_of(line):
    """What is said, if it is more than that somebody comes or goes."""
    words = re.sub(r":? \(\d+ more reports of peers were left out\)", "", line.split(" s  ", 1)[1])
    return "" if re.search(r" (up|silent|left)$", words) else words


def check_words(lines, known):
    """Each thing is said of a liar once, beside that it comes and goes; at least one, if it must be."""
    said = {}
    for words in filter(None, map(words_of, lines)):
        said[words] = said.get(words, 0) + 1
        print(f"    {words[:150]}")
    sys.stdout.flush()
    assert all(times == 1 for times in said.values()), "said more than once"
    assert said or not known, "a liar was not named"


def check_books(swarm, owed, given):
    """Of the peers with each other; of what liars were given nothing was receipted."""
    counters = []
    for peer in swarm.peers:
        with open(os.path.join(peer.out, "summary.json"), encoding="utf8") as file:
            summary = json.load(file)
        counters.append(summary["counters"])
        print({reason: times for reason, times in summary["rejected"].items() if times})

    def total(name):
        return sum(c[name] for c in counters)
    print({name: total(name) for name in counters[0]})
    assert total("transfers_made") == total("receipts_taken") + total("unreceipted"), "the maker's"
    assert total("transfers_applied") - given == total("receipts_taken"), "the taker's"
    assert owed <= total("unreceipted"), "more reached liars than was made for them"
    assert total("lost_there") == 0, "something was lost"


def main():
    program = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    wall = Wall() if len(sys.argv) > 2 else None
    chosen = [lie for lie in LIES if len(sys.argv) < 4 or lie[0] in sys.argv[3:]]
    with tempfile.TemporaryDirectory() as folder:
        swarm = Swarm(program, folder)
        if wall:
            os.nice(19)  # liars are to take no processor from the peers but by what they say
        try:
            run(swarm, chosen, seconds, wall)
        finally:
            swarm.close()


def run(swarm, chosen, seconds, wall):
    def beside(lie, rate, phase):
        """What the peers do while nobody lies to them."""
        if not wall:
            return pace(swarm, lambda: time.sleep(seconds))
        liar = Liar(swarm, phase, wall)
        try:
            return pace(swarm, lambda: tell_lies(liar, lie, rate, seconds, lambda: True))
        finally:
            liar.close()

    while not all(p.status()["exchanges"] for p in swarm.peers):
        time.sleep(0.05)
    time.sleep(1)
    ratios, given, owed = {}, 0, set()
    for name, lie, rate, phase, known in chosen:
        before = beside(lie, rate, phase)
        liar = Liar(swarm, phase)
        liar.befriend()
        sent = []

        def lines(peer):
            names = (f" {liar.id >> 112:04x} ", f"{LINEAGE:016x}" if lie is lineages else "\n")
            return [line for line in peer.log().splitlines() if any(n in line for n in names)]

        def named():
            return not known or all(any(map(words_of, lines(p))) for p in swarm.peers)
        during = pace(swarm, lambda: sent.append(tell_lies(liar, lie, rate, seconds, named)))
        liar.hear_out()
        given += liar.given
        owed |= {(liar.id, *o) for o in liar.owed}
        liar.close()
        after = beside(lie, rate, phase) if wall else before
        ratios[name] = 2 * during / (before + after)
        print(f"{name:<30} {sent[0]:>8} sent, pace {before:.0f}, {during:.0f}, {after:.0f}, "
              f"{[p.memory_mib() for p in swarm.peers]} MiB")
        for p in swarm.peers:
            assert p.process.poll() is None, p.log()
            assert p.memory_mib() <= MEMORY_MAX_MIB, "memory past its formula"
            check_words(lines(p), known)
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f} of the pace without")
    print(f"median: {statistics.median(ratios.values()):.2f}")
    for p in swarm.peers:
        p.process.terminate()
    for p in swarm.peers:
        assert p.process.wait(60) == 0, p.log()
    check_books(swarm, len(owed), given)


if __name__ == "__main__":
    main()
