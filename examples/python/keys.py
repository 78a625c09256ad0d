"""murmur's keys, written from docs/security.md: a peer's identity, and a swarm's key."""

import hashlib
import os

import zmq


def _hash(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def _pair(secret):
    public = zmq.curve_public(_z85(secret))
    return secret, _from_z85(public)


def _z85(data):
    from zmq.utils import z85
    return z85.encode(data)


def _from_z85(text):
    from zmq.utils import z85
    return z85.decode(text)


def draw_pair():
    return _pair(os.urandom(32))


def peer_id(public):
    return int.from_bytes(_hash(public)[:16], "big")


def swarm_id(key):
    return max(1, int.from_bytes(_hash(b"murmur 2 swarm", key)[:8], "big"))


def listening_pair(key):
    """With which every member listens."""
    return _pair(_hash(b"murmur 2 listening", key))


def proof(key, public):
    """That the holder of `public` has the swarm's key."""
    return _hash(b"murmur 2 member " + public, key)


def read_swarm_key(path):
    with open(path, encoding="ascii") as file:
        words = file.read().split()
    if words[:3] != ["murmur", "swarm", "key"] or len(words) != 5:
        raise SystemExit(f"{path}: not a swarm key")
    return bytes.fromhex(words[3])


def let_all_in(context):
    """Whoever knows the listening side's key; its own is looked at with each message."""
    from zmq.auth.thread import ThreadAuthenticator
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=zmq.auth.CURVE_ALLOW_ANY)
    return authenticator


def user_of(frame):
    """The public key of whoever holds the connection that a frame came on."""
    return _from_z85(frame.get("User-Id").encode("ascii"))
