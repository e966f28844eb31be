"""Asked to stop: SIGTERM (a scheduler needs the machine) and Ctrl-C end a run at the next step, after saving it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS: dict[int, int] = {signal.SIGTERM: 143, signal.SIGINT: 130}
"""What stops a run, and the exit code that says so: 128 + the signal's number, as shells have it."""


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """Lends a function that says which signal has come, 0 for none; what handled the signals before does so again.

    The second signal of a kind is handled as before, so that an impatient Ctrl-C raises KeyboardInterrupt. Outside the
    main thread, where Python allows no handlers, nothing is caught.
    """
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, before[number] or signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    # ignored ones stay so: a shell's background job is not stopped by Ctrl-C
    heard = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before: dict[int, Any] = {number: signal.signal(number, note) for number in heard}
    try:
        yield lambda: came[0] if came else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
