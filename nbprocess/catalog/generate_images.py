"""Makes ``images.json``: the managed images that a processing job can use, with accounts per region.

    pip download --no-deps -d DIR sagemaker-core sagemaker==2.257.7
    python -m nbprocess.catalog.generate_images DIR/*.whl

The source is the SageMaker SDK's own data (``image_uri_config``, Apache-2.0), read from wheels or from folders of
unpacked ones; where several know an image, the first one counts. DNS suffixes come from botocore's partitions.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
import zipfile
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Any

from .image_configs import FILES, rows

TARGET = Path(__file__).with_name("images.json")


def main(sources: list[str]) -> None:
    """Write the file from wheels."""
    if not sources:
        raise SystemExit(__doc__)
    accounts: list[dict[str, str]] = []
    frameworks: dict[str, list[dict[str, Any]]] = {name: [] for name in FILES}
    for source in map(Path, sources):
        for framework, config in _configs(source).items():
            known = {_key(row) for row in frameworks[framework]}
            for row in rows(framework, config):
                if _key(row) in known:
                    continue
                if row["accounts"] not in accounts:
                    accounts.append(row["accounts"])
                frameworks[framework].append({**row, "accounts": accounts.index(row["accounts"])})
    head = {
        "source": "; ".join(re.sub(r"[_-]py3.*", "", Path(name).name.replace("-", " ", 1)) for name in sources),
        "date": datetime.date.today().isoformat(),
        "suffixes": _suffixes(),
    }
    lines = [json.dumps(head)[:-1] + ', "frameworks": {']
    for index, (framework, found) in enumerate(frameworks.items()):
        body = ",\n".join("  " + json.dumps(row) for row in found)
        lines.append(f'"{framework}": [\n{body}\n]' + ("," if index < len(frameworks) - 1 else ""))
    lines.append('}, "accounts": [')
    lines.append(",\n".join(json.dumps(dict(sorted(table.items()))) for table in accounts) + "]}")
    TARGET.write_text("\n".join(lines) + "\n")


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["version"], row["base"], row["py"]


def _configs(source: Path) -> dict[str, Any]:
    """Framework → the SDK's configuration, out of a wheel."""
    found = {}
    with zipfile.ZipFile(source) as wheel:
        for name in wheel.namelist():
            path = Path(name)
            if path.parent.name == "image_uri_config":
                for framework, stem in FILES.items():
                    if path.name == f"{stem}.json":
                        found[framework] = json.loads(wheel.read(name))
    if not found:
        raise SystemExit(f"{source}: there is no image_uri_config in it. Give a wheel of sagemaker-core or sagemaker.")
    return found


def _suffixes() -> dict[str, str]:
    """Pattern of a region → DNS suffix, for each partition that botocore knows."""
    spec = util.find_spec("botocore")
    assert spec is not None and spec.submodule_search_locations is not None  # a dependency of nbprocess
    data = json.loads((Path(spec.submodule_search_locations[0]) / "data" / "partitions.json").read_bytes())
    print(f"partitions of botocore {metadata.version('botocore')}")
    return {item["regionRegex"]: item["outputs"]["dnsSuffix"] for item in data["partitions"]}


if __name__ == "__main__":
    main(sys.argv[1:])
