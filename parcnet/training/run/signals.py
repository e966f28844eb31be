"""SIGTERM (from a scheduler) and Ctrl-C end a run at the next step, after its state is saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS: dict[int, int] = {signal.SIGTERM: 143, signal.SIGINT: 130}
"""Signals that stop a run -> exit code: 128 + the signal's number, as in shells."""


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the signal received, 0 for none; earlier handlers are restored afterwards.

    A second signal of a kind meets the earlier handler, so that a second Ctrl-C raises KeyboardInterrupt. Outside the
    main thread, where Python allows no handlers, nothing is caught.
    """
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, before[number] or signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    # ignored ones stay so: a shell's background job is not stopped by Ctrl-C
    heard = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before: dict[int, Any] = {number: signal.signal(number, note) for number in heard}
    try:
        yield lambda: received[0] if received else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
