"""The round trip of a cell on the local backend against its floor: a bare ``python -c pass``, timed in the same run.

    python benchmarks/roundtrip.py [--quick] [--json FILE]

A cell's time is from Enter in a real kernel to its values in the namespace. The figures are medians; the rounds of the
things that are compared alternate, because the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TRIVIAL = "%%processing\nx = 1"
PANDAS = "%%processing\ntotal = frame['x'].sum()"
LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
start = time.perf_counter()
shell.run_line_magic('load_ext', 'nbprocess')
took = time.perf_counter() - start
heavy = sorted(m for m in ('boto3', 'botocore', 'pandas', 'numpy', 'sagemaker') if m in set(sys.modules) - before)
print(took * 1000, ','.join(heavy) or '-')
"""


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, float]:
    from tests.live_kernel import Kernel

    base = Path(tempfile.mkdtemp(prefix="nbp"))
    floor: list[float] = []
    trivial: list[float] = []
    pandas: list[float] = []
    empty: list[float] = []
    with Kernel(base, base / "home", {"XDG_CONFIG_HOME": str(base)}) as kernel:
        kernel.ok("%load_ext nbprocess\nimport pandas as pd\nframe = pd.DataFrame({'x': range(100)})")
        for code in (TRIVIAL, PANDAS) * 3:  # the fork server starts and loads the notebook's imports
            kernel.ok(code)
            time.sleep(1.0)
        for _ in range(rounds):
            floor.append(timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)))
            empty.append(timed(lambda: kernel.ok("pass")))
            trivial.append(timed(lambda: kernel.ok(TRIVIAL)))
            pandas.append(timed(lambda: kernel.ok(PANDAS)))
        assert kernel.value("x, int(total)") == "(1, 4950)"
    loads = []
    for _ in range(max(3, rounds // 4)):
        command = [sys.executable, "-c", LOAD]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "."})
        out = ran.stdout.split()
        loads.append(float(out[0]))
        assert out[1] == "-", f"%load_ext imports {out[1]}"
    f, t, p = (statistics.median(x) for x in (floor, trivial, pandas))
    return {
        "roundtrip_over_floor": t / f,
        "pandas_cell_over_trivial": p / t,
        "load_ext_ms": statistics.median(loads),
        "floor_ms": f * 1000,
        "kernel_empty_cell_ms": statistics.median(empty) * 1000,
        "trivial_cell_ms": t * 1000,
        "pandas_cell_ms": p * 1000,
        "rounds": rounds,
    }


AIMS = {"roundtrip_over_floor": 3.0, "pandas_cell_over_trivial": 3.0, "load_ext_ms": 60.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--json", metavar="FILE", help="write the figures as one flat object")
    arguments = parser.parse_args()
    figures = measure(7 if arguments.quick else 30)
    print(f"{'figure':<28} {'value':>10} {'aim':>8}")
    for name, value in figures.items():
        aim = AIMS.get(name)
        verdict = "" if aim is None else ("met" if value <= aim else "NOT met")
        print(f"{name:<28} {value:>10.2f} {'' if aim is None else f'<= {aim:g}':>8} {verdict}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
