"""Completion and help of the options that choose what kind of job runs."""

from __future__ import annotations

import pytest

from nbprocess import completion, options


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%%processing --framework sk", "sklearn"),
        ("%%processing --framework=py", "--framework=pytorch"),
        ("%%processing --framework pytorch --framework-version 2.8", "2.8.0"),
        ("%%processing --framework spark --py-version 3.", "3.12"),
        ("%processing_script score.py --source", "--source-dir"),
        ("%%processing --proc", "--processor"),
        ("%%processing --spark-c", "--spark-config"),
        ("%%processing --entry", "--entrypoint"),
    ],
)
def test_completion(line: str, found: str) -> None:
    assert found in (completion.candidates(line) or [])


def test_versions_complete_for_a_named_framework_only() -> None:
    assert completion.candidates("%%processing --framework-version ") == []


def test_every_option_has_its_line_of_help() -> None:
    text = options.help_text()
    for name, row in options.TABLE.items():
        assert options.flag(name) in text and row.help.split()[0] in text
    assert ",shard" in text and "DatasetDefinition" in text and "%processing_script" in text
