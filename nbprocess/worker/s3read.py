"""Reads S3 objects over connections of its own, straight into the caller's memory: the kernel's copy is the only one.

Standard library only; home reads results with it, the worker values that are still being sent when it starts.

A client that hands out each piece as an object of its own copies every byte once more in user space, and that copy
(with the allocation behind it) costs more than the transfer: half of the processor time of a read over a fast link.
"""

from __future__ import annotations

import random
import re
import socket
import ssl
import struct
import time

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPTS = 5
"""How often a read is tried again without having come further."""

_IDLE = 4.0  # seconds; S3 closes a connection that was idle for some 5 to 20
_SILENCE = 60  # seconds without a byte, after which a connection is given up
_HEAD = 64 * 1024
_FURTHER = 64 * 1024  # bytes that count as having come further
_AGAIN = {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "429", "500", "502", "503", "504"}
_JITTER = random.Random()  # not the module's own: its numbers are the notebook's
_WAIT_ALL = getattr(socket, "MSG_WAITALL", 0)


class Refused(Exception):
    """S3 answered with an error; ``code`` is its word for it, or the HTTP status."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code} (HTTP {status}): {message}")
        self.code, self.status = code, status


class Unsupported(Exception):
    """The other end answers in a way that this reader does not know; another client may."""


class Reader:
    """Reads parts of objects; thread-safe, a connection for each thread that reads at the same time.

    Args:
        host: where to connect to.
        port: its port.
        context: for https.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._address, self._context = (host, port), context
        self._idle: list[_Connection] = []

    def request(self, name: str, area: str) -> bytes:
        """The whole GET of a part of ``name``; ``area`` is the value of its Range header."""
        raise NotImplementedError

    def read_into(self, name: str, buffer: memoryview, offset: int) -> int:
        """Fill ``buffer`` from byte ``offset`` of ``name``; the number of bytes read. A cut is gone on from.

        Raises:
            Refused: S3 says no.
            Unsupported: it cannot be read this way.
            OSError: the connection broke, again and again.
        """
        done = tries = 0
        while done < len(buffer):
            connection, kept = None, False
            try:
                connection, kept = self._take()
                area = f"bytes={offset + done}-{offset + len(buffer) - 1}"
                connection.send(self.request(name, area))
                count, whole = connection.receive(buffer[done:], ranged=offset + done > 0)
            except ssl.SSLCertVerificationError:
                raise  # it will not be another one next time
            except OSError:
                if connection is not None:
                    connection.close()
                if kept:
                    continue  # the other end closed it while it was idle
                tries += 1
                if tries == ATTEMPTS:
                    raise
                _pause(tries)
                continue
            except Refused as refused:
                assert connection is not None
                connection.close()
                if refused.code == "InvalidRange":
                    return done  # the object ends here
                tries += 1
                if refused.code not in _AGAIN or tries == ATTEMPTS:
                    raise
                _pause(tries)
                continue
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            done += count
            if whole:
                self._idle.append(connection)
                return done
            connection.close()
            tries = 0 if count >= _FURTHER else tries + 1
            if tries == ATTEMPTS:
                raise ConnectionError(f"the connection to {self._address[0]} broke {ATTEMPTS} times")
        return done

    def _take(self) -> tuple[_Connection, bool]:
        """A connection, and whether it was used before."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break  # another thread was faster
            if time.monotonic() - connection.used < _IDLE:
                return connection, True
            connection.close()
        return _Connection(self._address, self._context), False


class _Connection:
    def __init__(self, address: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self.used = 0.0
        self._plain = context is None
        self._socket = socket.create_connection(address, timeout=10)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._socket = context.wrap_socket(self._socket, server_hostname=address[0])
            # A socket that Python itself times is non-blocking, and gives a large read in many small ones.
            self._socket.settimeout(None)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _SILENCE, 0))
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def receive(self, view: memoryview, *, ranged: bool) -> tuple[int, bool]:
        """Read an answer into ``view``; bytes read, and whether all came and the connection can be used again."""
        status, headers, rest = self._head()
        if status not in (200, 206):
            raise self._refusal(status, headers, rest)
        if (ranged and status == 200) or not headers.get("content-length", "").isdigit():
            raise Unsupported(f"HTTP {status} with {headers}")
        length = int(headers["content-length"])
        wanted = min(length, len(view))
        done = min(len(rest), wanted)
        view[:done] = rest[:done]
        flags = (_WAIT_ALL,) if self._plain else ()
        try:
            while done < wanted:
                count = self._socket.recv_into(view[done:wanted], 0, *flags)
                if not count:
                    break
                done += count
        except OSError:
            pass  # what came counts; whoever asked goes on from there, and the next connection tells if it is worse
        self.used = time.monotonic()
        return done, done == length and headers.get("connection", "").lower() != "close"

    def _head(self) -> tuple[int, dict[str, str], bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._socket.recv(4096)
            if not piece:
                raise ConnectionResetError("the connection was closed before an answer")
            data += piece
            if len(data) > _HEAD:
                raise Unsupported("more headers than S3 sends")
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        word = first.split(" ", 2)
        if len(word) < 2 or not word[0].startswith("HTTP/1.") or not word[1].isdigit():
            raise Unsupported(f"an answer that is no HTTP: {first[:80]!r}")
        pairs = (line.partition(":") for line in lines)
        return int(word[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}, rest

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> Refused:
        """The error in the body, as far as it comes; S3 sends it in chunks, of which only the text matters here."""
        length = headers.get("content-length", "")
        try:
            while len(body) < (int(length) if length.isdigit() else _HEAD) and b"</Error>" not in body:
                piece = self._socket.recv(4096)
                if not piece:
                    break
                body += piece
        except OSError:
            pass  # the status tells enough
        text = body.decode("utf-8", "replace")
        code, message = (re.search(f"<{tag}>([^<]*)</{tag}>", text) for tag in ("Code", "Message"))
        return Refused(code[1] if code else str(status), status, message[1] if message else "")


def _pause(tries: int) -> None:
    time.sleep(_JITTER.uniform(0, min(5.0, 0.2 * 2**tries)))
