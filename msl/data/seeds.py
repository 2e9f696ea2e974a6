"""Seeds for everything that is drawn while training: equal parts give equal draws, whichever process draws."""

from hashlib import blake2b


def mixed_seed(*parts: int | str) -> int:
    """A seed of 63 bits; neighbouring numbers give unrelated seeds."""
    digest = blake2b(",".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
