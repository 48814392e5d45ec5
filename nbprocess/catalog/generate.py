"""Makes ``instances.json``: the instance types of SageMaker Processing with vCPUs, memory and GPUs.

    python -m nbprocess.catalog.generate

Types come from botocore's ProcessingInstanceType, facts from the dump of EC2 DescribeInstanceTypes that moto ships
(Apache-2.0); p2 and p3, which that dump no longer has, from the EC2 instance type pages.
"""

from __future__ import annotations

import datetime
import gzip
import json
from importlib import metadata, util
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("instances.json")

# EC2 user guide, accelerated computing (P2, P3): vCPUs, GiB, GPUs, GPU, GiB of each GPU.
_RETIRED = {
    "p2.xlarge": (4, 61, 1, "K80", 12),
    "p2.8xlarge": (32, 488, 8, "K80", 12),
    "p2.16xlarge": (64, 732, 16, "K80", 12),
    "p3.2xlarge": (8, 61, 1, "V100", 16),
    "p3.8xlarge": (32, 244, 4, "V100", 16),
    "p3.16xlarge": (64, 488, 8, "V100", 16),
}


def main() -> None:
    """Write the file."""
    found: dict[str, dict[str, Any]] = {}
    facts = _ec2()
    for name in processing_types():
        known = facts.get(name.removeprefix("ml."))
        if known is not None:
            found[name] = known
    content = {
        "source": f"botocore {metadata.version('botocore')}; EC2 facts: moto {metadata.version('moto')}",
        "date": datetime.date.today().isoformat(),
        "columns": ["vcpus", "memory_mib", "gpus", "gpu", "gpu_memory_mib"],
        "instances": found,
    }
    rows = ",\n".join(f'  "{name}": {json.dumps(row)}' for name, row in found.items())
    head = {key: content[key] for key in ("source", "date", "columns")}
    TARGET.write_text(json.dumps(head)[:-1] + ', "instances": {\n' + rows + "\n}}\n")


def processing_types() -> list[str]:
    """The types that the installed botocore allows for a processing job."""
    from ..request.validate import shapes

    types: list[str] = shapes()["ProcessingInstanceType"]["enum"]
    return types


def _ec2() -> dict[str, Any]:
    spec = util.find_spec("moto")
    assert spec is not None and spec.submodule_search_locations is not None, "pip install moto"
    path = Path(spec.submodule_search_locations[0]) / "ec2" / "resources" / "instance_types.json.gz"
    dump = json.loads(gzip.decompress(path.read_bytes()))
    rows: dict[str, Any] = {
        name: [vcpus, gib * 1024, gpus, gpu, gpu_gib * 1024]
        for name, (vcpus, gib, gpus, gpu, gpu_gib) in _RETIRED.items()
    }
    for name, item in dump.items():
        gpus = item.get("GpuInfo", {}).get("Gpus", [])
        rows[name] = [
            item["VCpuInfo"]["DefaultVCpus"],
            item["MemoryInfo"]["SizeInMiB"],
            sum(gpu["Count"] for gpu in gpus),
            gpus[0]["Name"] if gpus else "",
            gpus[0]["MemoryInfo"]["SizeInMiB"] if gpus else 0,
        ]
    return rows


if __name__ == "__main__":
    main()
