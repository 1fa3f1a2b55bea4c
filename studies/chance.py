"""Chance that can be drawn again: the same words give the same number on every machine, for ever. Pure.

What a participant gets by chance (arms, jitter, random times) is not stored draw by draw: stored is the id of their
enrollment, random itself, which is the seed. Changing this function would change every running study.
"""

from __future__ import annotations

import hashlib


def draw(seed: str, *what: str | int) -> float:
    """This function will draw a number from 0 to below 1 for a thing that `what` names, evenly over all seeds."""
    digest = hashlib.sha256("\x1f".join([seed, *map(str, what)]).encode()).digest()
    # 53 bits: as many as a float holds, so that it never rounds up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def draw_between(low: int, high: int, seed: str, *what: str | int) -> int:
    """This function will draw a whole number from `low` to `high`, both included."""
    return low + int(draw(seed, *what) * (high - low + 1))
