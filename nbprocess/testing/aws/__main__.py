"""``python -m nbprocess.testing.aws [--port N] [--root DIR] [--fault NAME=VALUE]``: serve until interrupted."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import threading
from pathlib import Path
from typing import Any

from . import Faults, emulator

_KNOWN: dict[str, Any] = {item.name: item.default for item in dataclasses.fields(Faults) if item.name != "lock"}


def fault(text: str) -> tuple[str, Any]:
    """``throttle=3``, ``capacity``, ``denied=GetRole,GetProducts``, ``quotas={"ml.m5.xlarge": 0}``.

    Raises:
        argparse.ArgumentTypeError: there is no such fault, or it takes no such value.
    """
    name, _, value = text.partition("=")
    name = name.replace("-", "_")
    if name not in _KNOWN:
        near = difflib.get_close_matches(name, _KNOWN, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise argparse.ArgumentTypeError(f"{name}: there is no such fault.{meant} There are: {', '.join(_KNOWN)}.")
    default = _KNOWN[name]
    try:
        if default is False:
            return name, value.lower() not in ("0", "false", "no")
        if name == "denied":
            return name, tuple(filter(None, value.split(",")))
        return name, json.loads(value) if name == "quotas" else type(default)(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


def main() -> None:
    """Print the environment to set, and serve."""
    parser = argparse.ArgumentParser(prog="python -m nbprocess.testing.aws", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--root", type=Path, help="where buckets and jobs are kept; default a folder that is removed")
    parser.add_argument(
        "--fault",
        type=fault,
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help=f"what goes wrong, as nbprocess.testing.aws.Faults explains; may be repeated: {', '.join(_KNOWN)}",
    )
    arguments = parser.parse_args()
    with emulator(arguments.root, arguments.port, **dict(arguments.fault)) as aws:
        for name, value in aws.environment.items():
            print(f"export {name}={value}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
