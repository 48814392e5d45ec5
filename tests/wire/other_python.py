"""Dumps or loads values in a folder, run by another Python: the tests' other end.

``python other_python.py dump|load FOLDER``; values and checks are in ``values.py`` of the folder. Python 3.9+.
"""

import hashlib
import json
import linecache
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
if sys.argv[0] == __file__:
    sys.path.remove(str(pathlib.Path(__file__).resolve().parent))  # this folder is a package, not a place for modules

from nbprocess.worker import wire


def main(word: str, folder: pathlib.Path) -> None:
    """Dump what ``values.py`` makes, or load it and run the checks."""
    values, checks = (folder / "values.py").read_text(), json.loads((folder / "checks.json").read_text())
    space = vars(sys.modules["__main__"])

    def put(buffer):  # type: ignore[no-untyped-def]
        data = bytes(buffer)
        key = hashlib.sha256(data).hexdigest()
        (folder / key).write_bytes(data)
        return {"size": len(data), "chunks": [key]}

    if word == "dump":
        name = "/tmp/ipykernel_1/1.py"
        linecache.cache[name] = (len(values), None, values.splitlines(True), name)
        exec(compile(values, name, "exec", dont_inherit=True), space)
        dumped = wire.dump({check: space[check] for check in checks}, put=put)
        assert not dumped.failed, {n: str(f) for n, f in dumped.failed.items()}
        (folder / "groups.json").write_text(json.dumps([group.to_json() for group in dumped.groups]))
        return
    groups = [wire.Group.from_json(group) for group in json.loads((folder / "groups.json").read_text())]
    loaded = wire.load(groups, get=lambda b: bytearray((folder / b["chunks"][0]).read_bytes()), namespace=space)
    assert not loaded.failed, loaded.failed
    space.update(loaded.values)
    wrong = {}
    for name, check in checks.items():
        try:
            if not eval(check, space):
                wrong[name] = f"{check} does not hold: {space[name]!r}"
        except Exception as error:
            wrong[name] = f"{check}: {type(error).__name__}: {error}"
    assert not wrong, wrong


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
