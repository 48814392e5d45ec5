"""How the views bear load: a million log lines through a real kernel and page, and ten thousand jobs in the browser.

    python benchmarks/views.py [--quick] [--json FILE]

Beside the job view stands an ipywidgets ``Output`` that is fed the same lines at the same rate (fewer of them: its cost
grows with the square). Needs JupyterLab, Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from tests.browser_lab import CHROMIUM, CHROMIUM_FLAGS, Lab, open_notebook, run_all, running_lab

RATE = 50_000  # lines per second

FEED = """
import threading, time
def feed(write, count, rate={rate}, batch=500):
    def work():
        start = time.monotonic()
        for first in range(0, count, batch):
            last = min(count, first + batch)
            write([f"line {{n:07d}} loss {{1 / (n + 1):.6f}} lr 0.001" for n in range(first, last)])
            ahead = first / rate - (time.monotonic() - start)
            if ahead > 0.005:
                time.sleep(ahead)
        global fed_seconds
        fed_seconds = time.monotonic() - start
    thread = threading.Thread(target=work)
    thread.start()
    return thread
"""
JOB_CELL = """
from tests.views.fake_job import FakeJob
from nbprocess.views import show
job = FakeJob()
job.enter("running")
view = show(job)
"""
OUTPUT_CELL = """
import ipywidgets
out = ipywidgets.Output(layout={"height": "216px", "overflow": "auto"})
display(out)
"""
FRAMES = """() => {
  window.frames_ = {longest: 0, last: performance.now(), on: true};
  const step = (now) => {
    const f = window.frames_;
    f.longest = Math.max(f.longest, now - f.last);
    f.last = now;
    if (f.on) requestAnimationFrame(step);
  };
  requestAnimationFrame((now) => { window.frames_.last = now; requestAnimationFrame(step); });
}"""
LONGEST = "() => { window.frames_.on = false; return window.frames_.longest; }"


def execute(page: Any, code: str) -> None:
    """Run code in the notebook's kernel, beside its cells."""
    page.evaluate(
        "(code) => { void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code}).done; }",
        code,
    )


def heap_megabytes(page: Any) -> float:
    """What the page's JavaScript holds after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return float(metrics["JSHeapUsedSize"]) / 1e6


def measure_log(page: Any, lab: Lab, lines: int) -> dict[str, float]:
    """The job view under ``lines`` lines at ``RATE``."""
    lab.notebook("log.ipynb", [FEED.format(rate=RATE), JOB_CELL])
    open_notebook(page, lab, "log.ipynb")
    run_all(page)
    page.locator(".nbp-card").wait_for()
    page.wait_for_timeout(2000)
    before = heap_megabytes(page)
    page.evaluate(FRAMES)
    began = time.monotonic()
    execute(page, f"thread = feed(lambda lines: job.write(*lines), {lines})")
    page.wait_for_function(
        "text => document.querySelector('.nbp-log-summary').textContent.includes(text)",
        arg=f"{lines:,} lines",
        timeout=600_000,
        polling=500,
    )
    seconds = time.monotonic() - began
    page.locator(".nbp-log-row", has_text=f"line {lines - 1:07d}").wait_for()
    longest = float(page.evaluate(LONGEST))
    growth = heap_megabytes(page) - before
    with page.expect_download(timeout=600_000) as download:
        page.get_by_role("button", name="Download").click()
    arrived = {line[:12] for line in Path(download.value.path()).read_text().splitlines()}
    dropped = sum(f"line {n:07d}" not in arrived for n in range(lines))
    return {
        "log_lines": lines,
        "log_seconds": seconds,
        "log_longest_frame_ms": longest,
        "log_heap_growth_mb": growth,
        "log_lines_dropped": dropped,
    }


def measure_output(page: Any, lab: Lab, lines: int) -> dict[str, float]:
    """An ``Output`` widget under the same lines, a batch each 0.2 s."""
    lab.notebook("output.ipynb", [FEED.format(rate=RATE), OUTPUT_CELL])
    open_notebook(page, lab, "output.ipynb")
    run_all(page)
    page.locator(".jp-OutputArea-output").first.wait_for()
    page.wait_for_timeout(2000)
    before = heap_megabytes(page)
    page.evaluate(FRAMES)
    execute(
        page, f"thread = feed(lambda lines: out.append_stdout('\\n'.join(lines) + '\\n'), {lines}, batch={RATE // 5})"
    )
    try:
        page.wait_for_function(
            "text => [...document.querySelectorAll('.jp-OutputArea-output')].some(n => n.textContent.includes(text))",
            arg=f"line {lines - 1:07d}",
            timeout=120_000,
            polling=500,
        )
        arrived = 1.0
    except Exception:  # Playwright's timeout: the page never came to show the last line, which is a result too
        arrived = 0.0
    return {
        "output_lines": lines,
        "output_longest_frame_ms": float(page.evaluate(LONGEST)),
        "output_heap_growth_mb": heap_megabytes(page) - before,
        "output_last_line_arrived": arrived,
    }


def measure_jobs(page: Any, lab: Lab, count: int) -> dict[str, float]:
    """The job browser over ``count`` jobs: first paint after the data, then scrolling through all of them."""
    cell = (
        "from tests.views.fake_source import FakeSource\nfrom nbprocess.views import browser\n"
        f"source = FakeSource({count})\nsource.refresh()\njobs = browser(source)\njobs"
    )
    lab.notebook("jobs.ipynb", [cell])
    open_notebook(page, lab, "jobs.ipynb")
    run_all(page)
    page.locator(".nbp-row[data-number='0']").wait_for()
    page.wait_for_function("performance.getEntriesByName('nbprocess-jobs-first-paint').length > 0")
    paint = page.evaluate("performance.getEntriesByName('nbprocess-jobs-first-paint')[0].duration")
    page.wait_for_timeout(1500)
    page.evaluate(FRAMES)
    page.evaluate(
        """async () => { const node = document.querySelector('.nbp-jobs');
        for (let i = 1; i <= 180; i += 1) {
          node.scrollTop = (i / 180) * node.scrollHeight;
          await new Promise(requestAnimationFrame);
        } }"""
    )
    page.locator(f".nbp-row[data-number='{count - 1}']").wait_for()
    return {
        "jobs": count,
        "jobs_first_paint_ms": float(paint),
        "jobs_scroll_longest_frame_ms": float(page.evaluate(LONGEST)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the lines")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures as one flat JSON object")
    options = parser.parse_args()
    lines = 100_000 if options.quick else 1_000_000
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for measure, amount in (
            (measure_log, lines),
            (measure_jobs, 10_000),
            (measure_output, 50_000 if options.quick else 100_000),
        ):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(120_000)
            found = measure(page, lab, amount)
            figures |= found
            for name, value in found.items():
                print(f"{name:34} {value:14,.1f}", flush=True)
            page.close()
        chromium.close()
    figures["output_over_log_longest_frame"] = figures["output_longest_frame_ms"] / figures["log_longest_frame_ms"]
    ratio = figures["output_over_log_longest_frame"]
    print(f"{'output_over_log_longest_frame':34} {ratio:14,.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
