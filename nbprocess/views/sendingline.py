"""One line while values are sent, before there is a job to show; what was sent stays.

May import: ``state``, this room's ``words``; IPython when it is needed.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from nbprocess.state import Transfer
from nbprocess.views import words

QUIET_SECONDS = 1.0
"""What is sent sooner than that is not worth a line."""


class SendingLine:
    """Call it with each state of the transfer, and with None at its end, in the cell's own thread."""

    def __init__(self, *, kernel: bool) -> None:
        self._kernel = kernel
        self._start = time.monotonic()
        self._handle: Any = None
        self._last: Transfer | None = None

    def __call__(self, transfer: Transfer | None) -> None:
        if transfer is not None:
            self._last = transfer
            if time.monotonic() - self._start >= QUIET_SECONDS:
                self._say(words.transfer(transfer))
        elif self._last is not None and self._handle is not None:
            seconds = time.monotonic() - self._start
            self._say(f"checked and sent {words.size(self._last.total)} in {seconds:.0f} s", last=True)

    def _say(self, text: str, *, last: bool = False) -> None:
        if not self._kernel:
            if self._handle is None or last:  # a terminal gets the first and the last line only
                print(f"nbprocess: {text}", file=sys.stderr, flush=True)
                self._handle = True
            return
        from IPython.display import DisplayHandle

        bundle = {"text/plain": f"nbprocess: {text}"}
        if self._handle is None:
            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)
