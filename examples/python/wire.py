"""murmur's messages as bytes, wire version 2, written from docs/protocol.md alone.

encode(header, body, payload) gives a head; decode(head, payload) the header and the body. Headers
and bodies are dictionaries whose keys are the document's names; every body has its "type".
Needs nothing but Python's own library.
"""

import struct

MAGIC, VERSION, HEADER_SIZE = 0x524D524D, 2, 92
TYPES = ("Hello", "Refuse", "Resume", "Offer", "Transfer", "Void", "Receipt", "Decline", "Ping",
         "Pong", "StateRequest", "StateChunk", "Bye")
PHASES = ("joining", "training", "settling", "lingering", "done")
WHOLE_SHARE = 0xFFFF


class Malformed(ValueError):
    """What came is no message of this version."""


# ---- CRC-32C (RFC 3720) ------------------------------------------------------------------------

def _table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC = _table()


def crc32c(*parts):
    crc = 0xFFFFFFFF
    for part in parts:
        for byte in part:
            crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def schema_hash(model):
    """Of an mlp:IN-...-OUT: FNV-1a of its description (docs/protocol.md, "The schema")."""
    widths = model.split(":")[1].split("-")
    lines = [model]
    for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        lines += [f"{2 * layer}.weight {outputs}x{inputs}", f"{2 * layer}.bias {outputs}"]
    lines.append("shards of 262144")
    value = 0xCBF29CE484222325
    for byte in ("\n".join(lines) + "\n").encode("ascii"):
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return value


# ---- the small parts -----------------------------------------------------------------------------

class Writer:
    def __init__(self):
        self.out = bytearray()

    def put(self, form, *values):
        self.out += struct.pack("<" + form, *values)

    def id(self, peer):
        self.put("QQ", peer >> 64, peer & (1 << 64) - 1)

    def text(self, text):
        data = text.encode("ascii")
        self.put("B", len(data))
        self.out += data

    def list(self, form, items, write):
        self.put(form, len(items))
        for item in items:
            write(item)

    def members(self, members):
        self.list("B", members, lambda m: (self.id(m[0]), self.text(m[1])))

    def planes(self, planes):
        self.list("B", planes, lambda p: self.put("BBI", *p))

    def state(self, state):
        self.put("B", state["optimizer"])
        self.list("B", state["planes"], lambda p: self.put("B", p))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def get(self, form):
        size = struct.calcsize("<" + form)
        if self.at + size > len(self.data):
            raise Malformed("cut short")
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += size
        return values if len(values) > 1 else values[0]

    def id(self):
        high, low = self.get("QQ")
        return high << 64 | low

    def text(self):
        size = self.get("B")
        if self.at + size > len(self.data):
            raise Malformed("cut short")
        data = self.data[self.at:self.at + size]
        self.at += size
        if any(byte < 0x20 or byte > 0x7E for byte in data):
            raise Malformed("a text that cannot be printed")
        return bytes(data).decode("ascii")

    def list(self, form, read):
        return [read() for _ in range(self.get(form))]

    def members(self):
        return self.list("B", lambda: (self.id(), self.text()))

    def planes(self):
        return self.list("B", lambda: self.get("BBI"))

    def state(self):
        return {"optimizer": self.get("B"), "planes": self.list("B", lambda: self.get("B"))}

    def proof(self):
        return self.get("32s")


# ---- the bodies ------------------------------------------------------------------------------------

def _put_body(w, m):
    kind = m["type"]
    if kind == "Hello":
        w.put("BQQQQBI", m["wants_reply"], m["nonce"], m["echo"], m["process"], m["lineage_step"],
              m["rule"], m["codecs"])
        w.state(m["state"])
        w.list("B", m["shards"], lambda s: w.put("II", *s))
        w.put("32s", m["proof"])
        w.text(m["address"])
        w.text(m["model"])
        w.list("B", m["verdicts"], lambda v: w.put("QQ", *v))
        w.members(m["members"])
    elif kind == "Refuse":
        w.put("QI", m["echo"], m["newest_boot"])
        w.text(m["reason"])
    elif kind == "Resume":
        w.put("BB", m["has_yours"], m["wants_answer"])
        w.list("H", m["created"], lambda b: w.put("IQ", *b))
        w.list("H", m["seen"], lambda b: w.put("IQ", *b))
        w.list("B", m["pending"], lambda t: w.put("IQ", *t))
    elif kind == "Offer":
        w.put("IQII", *m["id"], m["shard"], m["expected_staleness"])
        w.planes(m["planes"])
    elif kind == "Transfer":
        w.put("IQIQIfdQIQ", *m["id"], *m["offer"], m["shard"], m["weight"], m["mass"], m["step"],
              *m["settled"])
        w.planes(m["planes"])
    elif kind == "Void":
        w.put("IQ", *m["id"])
    elif kind == "Receipt":
        w.put("IQ", *m["up_to"])

        def decided(d):
            w.put("IQB", *d["id"], d["refused"])
            w.list("B", d["shares"], lambda share: w.put("H", share))
        w.list("B", m["decided"], decided)
    elif kind == "Decline":
        w.put("IQBI", *m["offer"], m["reason"], m["retry_ms"])
    elif kind in ("Ping", "Pong"):
        w.members(m["members"])
    elif kind == "StateRequest":
        w.put("IBQ", m["snapshot"], m["plane"], m["offset"])
    elif kind == "StateChunk":
        w.put("IBQQQ", m["snapshot"], m["plane"], m["offset"], m["step"], m["optimizer_steps"])
        w.state(m["state"])


def _get_body(kind, r):
    m = {"type": kind}
    if kind == "Hello":
        (m["wants_reply"], m["nonce"], m["echo"], m["process"], m["lineage_step"], m["rule"],
         m["codecs"]) = r.get("BQQQQBI")
        m["state"] = r.state()
        m["shards"] = r.list("B", lambda: r.get("II"))
        m["proof"] = r.proof()
        m["address"], m["model"] = r.text(), r.text()
        m["verdicts"] = r.list("B", lambda: r.get("QQ"))
        m["members"] = r.members()
    elif kind == "Refuse":
        m["echo"], m["newest_boot"] = r.get("QI")
        m["reason"] = r.text()
    elif kind == "Resume":
        m["has_yours"], m["wants_answer"] = r.get("BB")
        m["created"] = r.list("H", lambda: r.get("IQ"))
        m["seen"] = r.list("H", lambda: r.get("IQ"))
        m["pending"] = r.list("B", lambda: r.get("IQ"))
    elif kind == "Offer":
        m["id"] = r.get("IQ")
        m["shard"], m["expected_staleness"] = r.get("II")
        m["planes"] = r.planes()
    elif kind == "Transfer":
        m["id"], m["offer"] = r.get("IQ"), r.get("IQ")
        m["shard"], m["weight"], m["mass"], m["step"] = r.get("IfdQ")
        m["settled"] = r.get("IQ")
        m["planes"] = r.planes()
    elif kind == "Void":
        m["id"] = r.get("IQ")
    elif kind == "Receipt":
        m["up_to"] = r.get("IQ")
        m["decided"] = r.list("B", lambda: {"id": r.get("IQ"), "refused": r.get("B"),
                                            "shares": r.list("B", lambda: r.get("H"))})
    elif kind == "Decline":
        m["offer"] = r.get("IQ")
        m["reason"], m["retry_ms"] = r.get("BI")
    elif kind in ("Ping", "Pong"):
        m["members"] = r.members()
    elif kind == "StateRequest":
        m["snapshot"], m["plane"], m["offset"] = r.get("IBQ")
    elif kind == "StateChunk":
        m["snapshot"], m["plane"], m["offset"], m["step"], m["optimizer_steps"] = r.get("IBQQQ")
        m["state"] = r.state()
    return m


# ---- messages ----------------------------------------------------------------------------------

_HEADER = "<IHBBQQQQQQQIIQIII"


def encode(header, body, payload=b""):
    w = Writer()
    _put_body(w, body)
    src, dst, low = header["src"], header["dst"], (1 << 64) - 1

    def head(crc):
        return struct.pack(_HEADER, MAGIC, header.get("version", VERSION),
                           1 + TYPES.index(body["type"]), PHASES.index(header["phase"]),
                           header["schema"], header["swarm"], header["lineage"], src >> 64,
                           src & low, dst >> 64, dst & low, header["src_boot"],
                           header["dst_boot"], header["step"], len(w.out), len(payload), crc)

    return head(crc32c(head(0), w.out, payload)) + bytes(w.out)


def decode(head, payload=b""):
    if len(head) < HEADER_SIZE:
        raise Malformed("shorter than a header")
    (magic, version, kind, phase, schema, swarm, lineage, src_high, src_low, dst_high, dst_low,
     src_boot, dst_boot, step, body_size, payload_size, crc) = struct.unpack_from(_HEADER, head)
    if magic != MAGIC or version != VERSION:
        raise Malformed("another magic or version")
    if not 1 <= kind <= len(TYPES) or phase >= len(PHASES):
        raise Malformed("another type or phase")
    if body_size != len(head) - HEADER_SIZE or payload_size != len(payload):
        raise Malformed("other sizes than its header says")
    if crc != crc32c(head[:88], bytes(4), head[92:], payload):
        raise Malformed("damaged")
    reader = Reader(head[HEADER_SIZE:])
    body = _get_body(TYPES[kind - 1], reader)
    if reader.at != len(reader.data):
        raise Malformed("bytes past its end")
    header = {"version": version, "phase": PHASES[phase], "schema": schema, "swarm": swarm,
              "lineage": lineage, "src": src_high << 64 | src_low, "dst": dst_high << 64 | dst_low,
              "src_boot": src_boot, "dst_boot": dst_boot, "step": step}
    return header, body
