"""Signal handlers: SIGTERM (from a scheduler) and Ctrl-C stop a run after the current step."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS: dict[int, int] = {signal.SIGTERM: 143, signal.SIGINT: 130}
"""Signals that stop a run -> exit code, 128 + the signal number, as in shells."""


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the received signal, or 0; restores the previous handlers afterwards.

    A second signal of a kind gets the previous handler, so that a second Ctrl-C raises KeyboardInterrupt. Outside the
    main thread, where Python allows no handlers, signals are not handled.
    """
    received: list[int] = []

    def record(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, before[number] or signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    # ignored signals stay ignored: Ctrl-C does not stop a shell's background job
    handled = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before: dict[int, Any] = {number: signal.signal(number, record) for number in handled}
    try:
        yield lambda: received[0] if received else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
