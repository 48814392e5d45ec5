"""Bytecode beside the worker's sources, made by the Python version that will run them.

May import: the standard library. Another interpreter runs this file by itself, so it keeps to Python 3.9.
"""

from __future__ import annotations

import importlib.util
import marshal
import subprocess
import sys


def compiled(files: dict[str, bytes]) -> dict[str, bytes]:
    """The bytecode of these sources for the Python that runs this; another one passes over it and compiles.

    The header says "hash-based, unchecked": the archive's own digest has been checked already. Marshal's version 2 has
    no references, so the bytes do not depend on reference counts.

    Args:
        files: name in the archive → source.

    Returns:
        ``name + "c"`` → bytecode.
    """
    found = {}
    for name, source in files.items():
        code = compile(source, f"worker.pyz/{name}", "exec", dont_inherit=True, optimize=0)
        header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
        found[name + "c"] = header + marshal.dumps(code, 2)
    return found


def compiled_by(interpreter: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The same by another interpreter of this machine.

    Raises:
        OSError, subprocess.SubprocessError: it does not run. ValueError, EOFError, TypeError: it does something else.
    """
    command = [interpreter, "-I", "-S", __file__]
    done = subprocess.run(command, input=marshal.dumps(files, 2), capture_output=True, check=True, timeout=60, env={})
    found: dict[str, bytes] = marshal.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.stdout.buffer.write(marshal.dumps(compiled(marshal.loads(sys.stdin.buffer.read())), 2))
