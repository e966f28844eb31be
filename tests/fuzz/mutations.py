"""Damage as files meet it: flipped, lost, doubled and foreign bytes. Deterministic by number."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


class Hangs(BaseException):
    """Not an Exception, so that no code under test can catch it."""


def mutated(content: bytes, number: int) -> bytes:
    """One of endlessly many damaged versions of `content`."""
    chance = random.Random(number)
    result = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        place = chance.randrange(len(result)) if result else 0
        if chance.random() < 0.4:  # headers are where the damage tells
            place = min(place, chance.randrange(64))
        match chance.randrange(7):
            case 0 if result:
                result[place] ^= 1 << chance.randrange(8)
            case 1 if result:
                result[place] = chance.choice(_INTERESTING)
            case 2:
                del result[place:]
            case 3:
                del result[place : place + chance.randrange(1, 64)]
            case 4:
                result[place:place] = chance.randbytes(chance.randrange(1, 16))
            case 5:
                result[place:place] = result[place : place + chance.randrange(1, 200)]
            case _:
                width = chance.choice((2, 4, 8))
                value = chance.choice((0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), chance.getrandbits(8 * width)))
                result[place : place + width] = value.to_bytes(width, chance.choice(("big", "little")))
    return bytes(result)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `Hangs` inside the block when it takes longer."""

    def stop(_: int, frame: FrameType | None) -> None:
        where = (
            "" if frame is None else f" in {frame.f_code.co_qualname}" if hasattr(frame.f_code, "co_qualname") else ""
        )
        raise Hangs(f"no answer after {seconds} s{where}")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
