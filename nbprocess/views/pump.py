"""Hear the page while a cell blocks the kernel's main thread.

A cell that waits for its job keeps the kernel from handling the Stop button's message. JupyterLab 4.4 and later send
widget messages to a subshell, a thread of its own, which ipykernel 7.1 to 7.3 hand on; ipykernel 6 has no subshells,
and 7.4 routes them back to the busy main shell. So: ``register`` lets the messages of our widgets stay with the
subshell they were sent to, and ``pump``, called by the waiting loop in the main thread, takes our messages from the
main shell's socket and gives all others back, in their order, to be handled when the cell is done.

May import: the standard library, zmq and tornado where a kernel has loaded them already.
"""

from __future__ import annotations

import json
import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

log = logging.getLogger(__name__)
DELIMITER = b"<IDS|MSG>"  # between routing ids and message in the Jupyter wire protocol

_receivers: weakref.WeakValueDictionary[str, Receiver]


class Receiver:
    """Whom a comm's custom messages go to. Kept alive by the comm it is for."""

    def __init__(self, receive: Callable[[Any], None]) -> None:
        self.receive = receive


_receivers = weakref.WeakValueDictionary()


def register(comm: Any, receive: Callable[[Any], None]) -> None:
    """Give the custom messages of ``comm`` to ``receive`` when ``pump`` finds them."""
    if comm is None:  # no kernel, nothing will come
        return
    receiver = Receiver(receive)
    _receivers[comm.comm_id] = receiver
    comm._nbprocess_receiver = receiver
    if hasattr(comm, "_reply_subshell_for"):
        # ipykernel 7.4 sends a page's message to the shell that last wrote to the comm, here the blocked one.
        # Ours do not care which thread handles them, so they stay where the page sent them.
        comm._reply_subshell_for = lambda _data, default: default


def pump(kernel: Any, limit: int = 200) -> int:
    """Handle the messages for our widgets that wait at ``kernel``'s main shell. Returns how many there were.

    To be called now and then, from the main thread, by a cell that waits. Does nothing where the kernel is built in a
    way that is not known here.
    """
    if threading.current_thread() is not threading.main_thread() or not _receivers:
        return 0
    channel = _channel(kernel)
    if channel is None:
        return 0
    import zmq

    socket, give_back = channel
    handled = 0
    for _ in range(limit):
        try:
            frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            break
        found = _ours(kernel.session, frames)
        if found is None:
            give_back(frames)
            continue
        handled += 1
        receiver, content = found
        try:
            receiver.receive(content)
        except Exception:  # as in a comm's own handler: a page's message must not end the cell that waits
            log.warning("A message of a job view could not be handled", exc_info=True)
    return handled


def _channel(kernel: Any) -> tuple[Any, Callable[[Any], Any]] | None:
    """The socket of the main shell's messages, and the way to hand one on to be handled after the cell."""
    if getattr(kernel, "session", None) is None:
        return None
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is not None:  # ipykernel 7: the shell channel's thread feeds the main thread through a pair of sockets
        stream = getattr(getattr(thread.manager, "_shell_channel_to_main", None), "to_stream", None)
        callback = getattr(stream, "_recv_callback", None)
        loop = getattr(kernel, "io_loop", None)
        if stream is None or callback is None or loop is None:
            return None
        return stream.socket, lambda frames: loop.add_callback(callback, frames)
    stream = getattr(kernel, "shell_stream", None)
    schedule, dispatch = getattr(kernel, "schedule_dispatch", None), getattr(kernel, "dispatch_shell", None)
    if stream is None or schedule is None or dispatch is None:
        return None
    return stream.socket, lambda frames: schedule(dispatch, frames)  # ipykernel 6: one queue, in order


def _ours(session: Any, frames: Sequence[Any]) -> tuple[Receiver, Any] | None:
    """Receiver and content when ``frames`` are a custom message for one of our comms, else None.

    Only what is ours is deserialised for good (that checks its signature): a session takes each signature once.
    """
    raw = [bytes(frame) for frame in frames[:12]]
    if DELIMITER not in raw:
        return None
    message = raw[raw.index(DELIMITER) + 1 :]
    if len(message) < 5:
        return None
    try:
        if json.loads(message[1]).get("msg_type") != "comm_msg":
            return None
        receiver = _receivers.get(json.loads(message[4]).get("comm_id", ""))
        if receiver is None or json.loads(message[4])["data"].get("method") != "custom":
            return None
        _, rest = session.feed_identities(list(frames), copy=False)
        return receiver, session.deserialize(rest, content=True, copy=False)["content"]["data"]["content"]
    except (ValueError, KeyError, AttributeError):  # not a message as we know them, or one with a wrong signature
        return None
