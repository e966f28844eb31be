"""Plurals in messages."""


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`; for nouns whose plural ends in s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
