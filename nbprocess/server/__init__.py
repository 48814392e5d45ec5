"""Jupyter Server extension: a small REST over the job API, which works without any kernel.

Imports nothing of jupyter_server until the server asks for the extension.
"""

from __future__ import annotations

from typing import Any


def extension_points() -> list[dict[str, Any]]:
    """What ``_jupyter_server_extension_points`` of the package answers."""
    from .app import ProcessingApp

    return [{"module": "nbprocess.server", "app": ProcessingApp}]
