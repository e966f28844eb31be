"""Errors that the user can fix."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """An invalid input: an argument, a recipe, a file.

    The message names the value, what was expected, and the remedy. The command line prints it without a traceback.
    """


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """At most `limit` of the `known` names that resemble `name`, best first, ignoring case."""
    spelling = {candidate.lower(): candidate for candidate in known}
    return [spelling[match] for match in difflib.get_close_matches(name.lower(), spelling, n=limit, cutoff=0.5)]


def unknown(kind: str, name: str, known: Iterable[str], remedy: str = "") -> UserError:
    """The error for a `name` that is not one of `known`, to be raised by the caller.

        unknown network 'parcnet_tiny'. Did you mean parcnetv2_tiny? `parcnet models` lists all.

    Up to 12 known names are listed when none resembles `name`. `remedy` is a whole sentence.
    """
    known = sorted(known)
    guesses = nearest(name, known)
    sentences = [f"unknown {kind} {name!r}."]
    if guesses:
        sentences.append(f"Did you mean {' or '.join(guesses)}?")
    elif 0 < len(known) <= 12:
        sentences.append(f"Known: {', '.join(known)}.")
    return UserError(" ".join([*sentences, remedy]).strip())
