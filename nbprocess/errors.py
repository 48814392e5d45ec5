"""Every error nbprocess raises on purpose. Each message names the thing, the reason and the way out.

May import: the standard library only.
"""

from __future__ import annotations


class NbprocessError(Exception):
    """Base of all errors of this package."""


class OptionError(NbprocessError, ValueError):
    """An option of the magic, a configuration file or the Python API is unknown, malformed or contradicts another."""


class CaptureError(NbprocessError):
    """The cell, or a value it needs, cannot be sent. Raised before anything is written."""


class RequestError(NbprocessError, ValueError):
    """The CreateProcessingJob request breaks a limit of the service. Raised before anything is written."""


class BackendError(NbprocessError):
    """The backend refused or failed an operation."""


class NotAllowed(BackendError):
    """A permission is missing: to ask again changes nothing."""


class JobNotFound(BackendError, LookupError):
    """There is no job of that name."""


class JobNameInUse(BackendError):
    """A job of that name exists already."""


class StoreError(NbprocessError, OSError):
    """The store could not be read or written: disk full, no permission, no such bucket."""


class IntegrityError(NbprocessError):
    """Bytes do not have the digest that was pinned for them. Nothing of them was executed or unpickled."""


class JobFailed(NbprocessError):
    """The job ended as Failed for a reason other than an exception of the cell (killed, out of memory, image, ...)."""


class JobStopped(NbprocessError):
    """The job was stopped, by a person or by its maximum runtime."""


class RemoteError(NbprocessError):
    """The cell raised an exception whose type does not exist here; ``__name__`` is that of the remote type."""
