"""Results that were left in the store, given to the next job as they lie there: neither fetched nor sent again.

May import: ``backends``, ``bundle``, ``options``, ``plan`` and ``setting`` where they are needed, the standard library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bundle.stores import Store
    from .job import Job
    from .options import Options

_COPIES = 16
"""Chunks that are copied within the store at once."""


@dataclass(frozen=True)
class Handed:
    """Values that share objects, as a job left them.

    ``group``: their entry in that job's verified outcome. ``folder``: where in the store their chunks lie.
    """

    job: str
    group: Mapping[str, Any]
    folder: str

    @property
    def names(self) -> tuple[str, ...]:
        """All that come along: values that share objects stay together."""
        return tuple(self.group["names"])

    @property
    def blobs(self) -> list[Any]:
        """The stream and the buffers."""
        return [self.group["stream"], *self.group["buffers"]]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(int(blob["size"]) for blob in self.blobs)


def takes(options: Options, job: Job) -> bool:
    """Whether a job with these options can read what ``job`` left: the same store, image and packages.

    Raises:
        OptionError, BackendError: there is no such image, machine, account.
    """
    from . import setting
    from .plan import backend_of

    backend = backend_of(options)
    if job.store is None or backend.name != job.backend.name or _adds_packages(options, job):
        return False
    image = setting.resolve(options, backend, cell=True)[0]["ImageUri"]
    here = job.describe().get("AppSpecification", {}).get("ImageUri")
    return bool(image == here and setting.store_of(options, backend).uri == job.store.uri)


def _adds_packages(options: Options, job: Job) -> bool:
    earlier = job.source.options
    return bool(options.requirements or options.mirror) or "--requirements" in earlier or "--mirror" in earlier


def adopt(store: Store, handed: Collection[Handed]) -> None:
    """Put the chunks among those of inputs, as copies within the store.

    Raises:
        StoreError: they are not there any more, or cannot be copied; names the values and their job.
    """
    from .bundle.blobs import missing_chunks
    from .errors import StoreError

    for item in handed:

        def copy(digest: str, folder: str = item.folder) -> None:
            store.copy(f"{folder}/{digest}", f"blobs/{digest}")

        try:
            with ThreadPoolExecutor(_COPIES, thread_name_prefix="nbprocess-handover") as pool:
                list(pool.map(copy, missing_chunks(store, item.blobs)))
        except StoreError as error:
            raise StoreError(
                f"{', '.join(item.names)} of job {item.job} cannot be given to this job: {error} Read the name in a "
                "cell of its own to see whether it can still be fetched, or run the cell that made it again."
            ) from error
