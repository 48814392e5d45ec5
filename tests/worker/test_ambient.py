"""Ambient state: what it says in JSON, and what is put back."""

from __future__ import annotations

import enum
import json

import numpy as np

from nbprocess.worker import ambient


class Cap(str, enum.Enum):
    ROUND = "round"


def test_numbers_and_texts_of_other_kinds_are_plain_in_json() -> None:
    value = [np.float64(1.5), Cap.ROUND, (np.str_("a"), True, None)]
    plain = ambient._plain(value)
    assert plain == [1.5, "round", ("a", True, None)]
    assert json.dumps(plain) and [type(item) for item in plain[:2]] == [float, str]
    assert ambient._plain({"a": 1}) == {"a": 1}
