"""A job as static HTML: what a saved notebook, nbconvert and GitHub show, without scripts and without style sheets.

May import: ``nbprocess.state``, ``nbprocess.views.words``, ``text`` (for cleaning), ``outputs``, ``markup``.
"""

from __future__ import annotations

from collections.abc import Sequence

from nbprocess.state import JobState, LogEvent, Variable
from nbprocess.views import words
from nbprocess.views.markup import Markup, element
from nbprocess.views.outputs import Outputs, outputs_html
from nbprocess.views.text import plain

TAIL_LINES = 200
TAIL_CHARACTERS = 20_000  # what a saved notebook may grow by; the store keeps the whole log

# JupyterLab's variables where it defines them, else currentColor mixes, which are right on light and dark pages.
MUTED = "opacity:.72"
BORDER = "1px solid var(--jp-border-color2, rgba(128,128,128,.35))"
FONT = "var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace)"
MONO = f"background:none;padding:0;font-family:{FONT};font-size:12px"
TONES = {
    "ok": "var(--jp-success-color1, #2e7d32)",
    "error": "var(--jp-error-color1, #c62828)",
    "warn": "var(--jp-warn-color1, #b26a00)",
    "busy": "var(--jp-brand-color1, #1565c0)",
}


def card(state: JobState, now: float, log: Sequence[LogEvent] = (), outputs: Outputs = ()) -> str:
    """The job's card: true at ``now`` (POSIX seconds), with the log's last lines and, under it, the cell's outputs."""
    colour = TONES[words.status_tone(state)]
    reason, failed = words.reason(state), f";color:{colour}" if state.status == "Failed" else ""
    head = element(
        "div",
        element("span", "● ", aria_hidden="true", style=f"color:{colour}"),
        element("strong", words.status_word(state), style=f"color:{colour}"),
        " ",
        element("code", plain(state.name), style=MONO),
        element("span", " · " + " · ".join(filter(None, facts(state, now))), style=MUTED),
    )
    changed, unchanged = words.changed(state.variables), words.unchanged(state.variables)
    parts: list[Markup | None] = [
        head,
        element("div", plain(state.headline), style=f"margin-top:4px{failed}") if state.headline else None,
        element("div", plain(reason), style=f"margin-top:4px;color:{colour};white-space:pre-wrap") if reason else None,
        bar(state),
        phase_line(state, now),
        variable_table(changed) if changed else None,
        element("div", plain(unchanged), style=MUTED) if unchanged else None,
        element(
            "ul", [element("li", plain(notice)) for notice in state.notices], style="margin:6px 0 0;padding-left:20px"
        )
        if state.notices
        else None,
        log_tail(state, log) if log else None,
        footer(state, now),
    ]
    shown = element(
        "div",
        *parts,
        class_="nbprocess-static",
        role="group",
        aria_label=f"Job {plain(state.name)}: {words.status_word(state)}",
        style=f"border:{BORDER};border-left:3px solid {colour};border-radius:4px;padding:8px 12px;margin:2px 0;"
        "font-size:var(--jp-ui-font-size1, 13px);line-height:1.5",
    )
    return shown + outputs_html(outputs)


def muted(text: str) -> str:
    """One quiet line."""
    return element("div", plain(text), style=f"{MUTED};font-size:var(--jp-ui-font-size1, 13px)")


def facts(state: JobState, now: float) -> list[str]:
    """Time, machine, cost and memory, in words."""
    memory = words.peak_memory(state)
    return [
        words.duration(state.elapsed(now)),
        plain(words.machine(state)),
        words.cost(state),
        f"peak memory {memory}" if memory else "",
    ]


def bar(state: JobState) -> Markup | None:
    """How far the transfer or the cell is; nothing when that is not known."""
    done, doing = words.fraction(state), words.doing(state)
    if state.terminal or not doing:
        return None
    given = {} if done is None else {"value": f"{done:.3f}"}
    return element(
        "div",
        element("progress", max="1", aria_label=doing, style="width:12em;vertical-align:middle", **given),
        element("span", " ", plain(doing), style=MUTED),
        style="margin-top:4px",
    )


def phase_line(state: JobState, now: float) -> Markup | None:
    """Which phase took how long."""
    spent = [f"{words.PHASE_WORDS[p.phase]} {words.duration(words.phase_seconds(p, now))}" for p in words.phases(state)]
    return element("div", " → ".join(spent), style=f"{MUTED};margin-top:4px") if spent else None


def variable_table(variables: Sequence[Variable]) -> Markup:
    """Which names came back, and which did not and why."""
    cell = "text-align:left;padding:2px 14px 2px 0;vertical-align:top;font-weight:normal"
    short = cell + ";white-space:nowrap"
    rows = []
    for v in sorted(variables, key=lambda v: v.status == "failed"):
        what = words.VARIABLE_WORDS[v.status] + (f": {plain(v.reason)}" if v.reason else "")
        colour = f";color:{TONES['error']}" if v.status == "failed" else ""
        rows.append(
            element(
                "tr",
                element("th", element("code", plain(v.name), style=MONO), scope="row", style=cell),
                element("td", plain(v.type), style=cell),
                element("td", plain(v.shape), style=short),
                element("td", words.size(v.size) if v.size else "", style=short),
                element("td", what, style=cell + colour),
            )
        )
    titles = [
        element("th", title, scope="col", style=cell) for title in ("variable", "type", "shape", "size", "status")
    ]
    return element(
        "table",
        element("thead", element("tr", titles, style=MUTED)),
        element("tbody", rows),
        style="border-collapse:collapse;margin-top:6px;font-size:12px",
    )


def log_tail(state: JobState, log: Sequence[LogEvent]) -> Markup:
    """The last lines of the log, folded."""
    kept: list[str] = []
    room = TAIL_CHARACTERS
    for event in reversed(log[-TAIL_LINES:]):
        text = plain(event.text)
        room -= len(text) + 1
        if room < 0:
            break
        prefix = f"[{event.host}] " if len(state.hosts) > 1 else ""
        kept.append(prefix + text)
    total = max(state.log_lines, len(kept))
    title = f"Log: {words.number(total)} line" + ("" if total == 1 else "s")
    if total > len(kept):
        title += f" (the last {words.number(len(kept))} here)"
    return element(
        "details",
        element("summary", title, style="cursor:pointer"),
        element(
            "pre",
            "\n".join(reversed(kept)),
            style=f"{MONO};max-height:320px;overflow:auto;margin:4px 0 0;padding:6px;border:{BORDER};"
            "white-space:pre-wrap",
        ),
        style="margin-top:6px",
    )


def footer(state: JobState, now: float) -> Markup:
    """Links that lead on, and how to get the job back from any kernel."""
    links: list[Markup | str] = []
    for title, target in state.links.items():
        if target.startswith(("https://", "http://")):
            links += [element("a", plain(title), href=target, target="_blank", rel="noopener noreferrer"), " · "]
        else:
            links += [f"{plain(title)}: ", element("code", plain(words.place(target)), style=MONO), " · "]
    command = "%processing_logs" if state.terminal else "%processing_attach"
    when = "" if state.terminal else f"as of {words.clock(now)} · "
    return element(
        "div",
        links,
        when,
        element("code", f"{command} {plain(state.name)}", style=MONO),
        style=f"{MUTED};margin-top:6px;font-size:12px",
    )
