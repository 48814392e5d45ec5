"""The protocol of a backend: a handful of calls in the shapes of the AWS API. No IPython, no widgets.

May import: ``errors``, ``state``, the standard library.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import OptionError

if TYPE_CHECKING:
    from ..bundle.stores import Store
    from ..catalog import Price
    from ..state import Usage


@dataclass(frozen=True)
class LogLine:
    """One line of a container's output. ``time`` in POSIX seconds."""

    time: float
    text: str
    stream: str = "stdout"
    host: str = "algo-1"


@dataclass(frozen=True)
class LogPage:
    """New lines in order, and the opaque cursor from which the next call goes on."""

    lines: tuple[LogLine, ...]
    cursor: Any


class Backend(Protocol):
    """A control plane. All dicts have the shapes of boto3's ``sagemaker`` client; times have a zone."""

    name: str

    def store(self) -> Store:
        """The store in which bundles and results of new jobs lie."""

    def open_store(self, uri: str) -> Store:
        """The store at an ``s3://`` URI as this backend resolves it (bucket plus prefix)."""

    def resolve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What this backend knows for a request and the user left out: ``RoleArn``, ``ImageUri``, ``InstanceType``, ...

        Raises OptionError or BackendError with the way out, before anything is written.
        """

    def preflight(self, request: Mapping[str, Any]) -> list[str]:
        """Checks before anything is uploaded or billed; returns notices, raises BackendError when it cannot run."""

    def interpreter(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """The Python in the image, where it is known: ``{"python": [3, 11, 7], "packages": {"numpy": "2.4.1"}}``; with
        its ``path`` where it is one of this machine."""

    def create(self, request: Mapping[str, Any]) -> str:
        """CreateProcessingJob; returns the ARN. Raises JobNameInUse, RequestError, BackendError."""

    def describe(self, name: str) -> dict[str, Any]:
        """DescribeProcessingJob. Raises JobNotFound."""

    def jobs(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """ListProcessingJobs summaries, newest first, lazily paged. Filters are those of the AWS call."""

    def logs(self, name: str, cursor: Any = None, limit: int = 10_000) -> LogPage:
        """Log lines of all hosts, in order, after ``cursor`` (None: from the start). Never blocks for new ones."""

    def usage(self, describe: Mapping[str, Any], since: float, until: float) -> list[Usage]:
        """The platform's own samples of a job's machines between two POSIX times, oldest first; [] where it has none.

        Raises BackendError.
        """

    def wait(self, name: str, timeout: float) -> None:
        """Return when something may have changed (new lines, new status) or after ``timeout`` seconds."""

    def stop(self, name: str) -> None:
        """StopProcessingJob. A job that has ended already is no error."""

    def delete(self, name: str) -> None:
        """Forget an ended job (not its results in the store)."""

    def price(self, instance: str) -> Price | None:
        """USD per hour of an instance type, with its date; None when it is not known or nothing is billed."""

    def links(self, describe: Mapping[str, Any]) -> dict[str, str]:
        """Title → URL or path of the job, its logs and its outputs."""


_BACKENDS = {"local": "nbprocess.backends.local", "sagemaker": "nbprocess.backends.sagemaker"}


def found(name: str, region: str | None = None) -> Backend:
    """The backend of that name, in another region than the configured one where it has regions.

    Raises:
        OptionError: there is no such backend.
    """
    backend = get(name)
    at: Callable[[str], Backend] | None = getattr(backend, "at", None)
    return at(region) if region and at else backend


@functools.cache
def get(name: str) -> Backend:
    """The backend of that name, made once.

    Raises:
        OptionError: there is no such backend.
    """
    if name not in _BACKENDS:
        raise OptionError(f"--backend {name}: no such backend. Choose one of: {', '.join(_BACKENDS)}.")
    backend: Backend = importlib.import_module(_BACKENDS[name]).Backend()
    return backend
