"""What is known of names at one point of a cell: settled by the cell on every path, or on some. Pure.

May import: the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable


class State:
    """``settled``: bound or deleted on every path to here; ``possible``: on some; ``live``: the point is reached."""

    __slots__ = ("live", "possible", "settled")

    def __init__(self, settled: set[str] | None = None, possible: set[str] | None = None, live: bool = True) -> None:
        self.settled = settled if settled is not None else set()
        self.possible = possible if possible is not None else set()
        self.live = live

    def fork(self) -> State:
        """An independent copy, for one branch."""
        return State(set(self.settled), set(self.possible), self.live)

    def settle(self, key: str) -> None:
        """The cell bound or deleted the name here."""
        self.settled.add(key)
        self.possible.add(key)


def dead() -> State:
    """The state after a statement that never ends normally."""
    return State(live=False)


def join(states: Iterable[State]) -> State:
    """Where paths meet: settled only if settled on each path that gets here."""
    live = [s for s in states if s.live]
    if not live:
        return dead()
    settled = set(live[0].settled)
    possible = set(live[0].possible)
    for state in live[1:]:
        settled &= state.settled
        possible |= state.possible
    return State(settled, possible)
