"""What is shown while values are sent, before there is a job to show; one line of it stays.

May import: ``state``, this room's ``html`` and ``words``; IPython when it is needed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

from nbprocess.state import JobState, Transfer
from nbprocess.views import html, text, words

QUIET_SECONDS = 1.0
"""What is sent sooner than that is not worth a line."""


class SendingLine:
    """Call it with each state of the transfer, and with None at its end, in the cell's own thread.

    Args:
        state: of the job that is to be, in the phase ``uploading``.
        kernel: whether there is a notebook, which gets the job's card in its static form.
    """

    def __init__(self, state: JobState, *, kernel: bool) -> None:
        self._kernel = kernel
        self._state = state
        self._handle: Any = None

    def __call__(self, transfer: Transfer | None) -> None:
        now = time.time()
        start = self._state.phases[-1].start
        if transfer is not None:
            self._state = replace(self._state, transfer=transfer)
            if now - start >= QUIET_SECONDS:
                self._say(text.line(self._state, now), html.card(self._state, now))
        elif self._state.transfer is not None and self._handle is not None:
            said = f"checked and sent {words.size(self._state.transfer.total)} in {now - start:.0f} s"
            self._say(f"nbprocess: {said}", html.muted(said), last=True)

    def _say(self, plain: str, shown: str, *, last: bool = False) -> None:
        if not self._kernel:
            if self._handle is None or last:  # a terminal gets the first and the last line only
                print(plain, file=sys.stderr, flush=True)
                self._handle = True
            return
        from IPython.display import DisplayHandle

        bundle = {"text/plain": plain, "text/html": shown}
        if self._handle is None:
            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)
