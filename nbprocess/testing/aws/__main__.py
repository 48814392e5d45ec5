"""``python -m nbprocess.testing.aws [--port N] [--root DIR]``: serve until interrupted."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from . import emulator


def main() -> None:
    """Print the environment to set, and serve."""
    parser = argparse.ArgumentParser(prog="python -m nbprocess.testing.aws", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--root", type=Path)
    arguments = parser.parse_args()
    with emulator(arguments.root, arguments.port) as aws:
        for name, value in aws.environment.items():
            print(f"export {name}={value}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
