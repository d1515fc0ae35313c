"""Seeds that depend on what is run, not on the order it is run in."""

import zlib

import numpy as np


def seed_sequence(seed: int, name: str, *indices: int) -> np.random.SeedSequence:
    """`SeedSequence([seed, crc32(name), *indices])`: independent streams by system, replica, chunk."""
    return np.random.SeedSequence([seed, zlib.crc32(name.encode()), *indices])


def integer_seed(seed: int, name: str, *indices: int) -> int:
    """A positive 31-bit integer of the same stream, for libraries that take no generator."""
    return int(seed_sequence(seed, name, *indices).generate_state(1)[0] >> 1) | 1
