"""Environment variables that the notebook has set: those that differ from what the kernel was started with.

May import: this room's ``secrets``, ``nbprocess.startenv``, the standard library.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping

from .. import startenv
from . import secrets

_OF_THE_MACHINE = re.compile(
    r"(?:PATH|HOME|USER|LOGNAME|PWD|OLDPWD|SHELL|SHLVL|HOSTNAME|TMPDIR|TEMP|TMP|TERM|CLICOLOR|FORCE_COLOR|CLICOLOR_FORCE|PAGER"
    r"|GIT_PAGER|MPLBACKEND|DISPLAY|COLUMNS|LINES|VIRTUAL_ENV|IPYTHONDIR|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE"
    r"|REQUESTS_CA_BUNDLE|JAVA_HOME|SPARK_HOME|_)$"
    r"|(?:LD_|DYLD_|PYTHON(?:PATH|HOME|STARTUP|EXECUTABLE)|CONDA_|JPY_|JUPYTER|XDG_|SSH_|DBUS_|PYDEVD_|NBPROCESS_|SAGEMAKER_|SM_|QT_|KERNEL_|COLAB_|VSCODE_)"
    r"|(?:AWS_(?!(?:DEFAULT_)?REGION$)|GOOGLE_APPLICATION_|AZURE_)|(?i:\w*_proxy$)"
)
"""Where things are on this machine, what belongs to this kernel and its page, and how this person signs in."""
_PROCESSORS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")


def changed(
    *, given: Collection[str] = (), now: Mapping[str, str] | None = None, before: Mapping[str, str] | None = None
) -> tuple[dict[str, str | None], dict[str, str]]:
    """The variables that the notebook has set, or taken away (None).

    Args:
        given: variables that the person gives the job by name: they are as given.
        now: the environment; default: this process's.
        before: the one that the notebook began with; default: that of this process's start.

    Returns:
        What travels, and why the others do not, by name: what belongs to this machine, and what looks like a secret.
    """
    here, start = os.environ if now is None else now, startenv.environment() if before is None else before
    found: dict[str, str | None] = {}
    left: dict[str, str] = {}
    for name, text in here.items():
        if start.get(name) == text or name in given:
            continue
        what = secrets.in_value(name, text)
        if what:
            left[name] = f"it looks like it holds a secret ({what})"
        elif _OF_THE_MACHINE.match(name) or sys.prefix in text or (name in _PROCESSORS and text not in ("", "-1")):
            left[name] = "it belongs to this machine"
        else:
            found[name] = text
    for name in start.keys() - here.keys():
        if not _OF_THE_MACHINE.match(name) and name not in given:
            found[name] = None
    return found, left
