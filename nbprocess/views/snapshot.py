"""A ``JobState`` as JSON for the page: what the widget's ``state`` trait and the REST API carry.

May import: ``nbprocess.state`` and ``nbprocess.views.words``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbprocess.state import JobState, Usage
from nbprocess.views import words

POINTS = 120  # per host: a curve is some 100 pixels wide


def snapshot(state: JobState) -> dict[str, Any]:
    """The state as plain JSON values. ``log_lines`` is left out: it changes all the time and travels with the log."""
    return {
        "name": state.name,
        "backend": state.backend,
        "status": state.status,
        "word": words.status_word(state),
        "tone": words.status_tone(state),
        "phase": state.phase,
        "phases": [
            {"phase": p.phase, "word": words.PHASE_WORDS[p.phase], "start": p.start, "end": p.end}
            for p in words.phases(state)
        ],
        "created": state.created,
        "ended": state.ended,
        "terminal": state.terminal,
        "machine": words.machine(state),
        "notebook": state.notebook,
        "image": state.image,
        "timeout": state.timeout,
        "cost": state.cost,
        "cost_max": state.cost_max,
        "cost_words": words.cost(state),
        "price_per_hour": state.price_per_hour,
        "price_note": state.price_note,
        "fraction": words.fraction(state),
        "doing": words.doing(state),
        "usage": {host: curve(state.usage, host) for host in state.hosts},
        "hosts": list(state.hosts),
        "headline": state.headline,
        "failure": words.reason(state),
        "stop_requested": state.stop_requested,
        "variables": [
            {
                "name": v.name,
                "status": v.status,
                "word": words.VARIABLE_WORDS[v.status],
                "type": v.type,
                "shape": v.shape,
                "size": v.size,
                "reason": v.reason,
            }
            for v in words.changed(state.variables)
        ],
        "unchanged": words.unchanged(state.variables),
        "notices": list(state.notices),
        "peak_memory": words.peak_memory(state),
        "links": dict(state.links),
        "attach": f"%processing_attach {state.name}",
    }


def curve(usage: Sequence[Usage], host: str) -> list[list[float | None]]:
    """``[time, cpu, memory, memory_total, disk, gpu, gpu_memory]`` of one host, thinned to ``POINTS``, last kept."""
    samples = [sample for sample in usage if sample.host == host]
    step = -(-len(samples) // POINTS) or 1
    thinned = samples[::-step][::-1]
    return [[s.time, s.cpu, s.memory, s.memory_total, s.disk, s.gpu, s.gpu_memory] for s in thinned]
