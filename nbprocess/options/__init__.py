"""The options of ``%%processing``: one table, read by parsing, defaults, configuration, validation, completion, help.

May import: ``errors``, ``channels``, the standard library.
"""

from .line import help_text, parse_line, to_line, whole_line
from .sources import OBJECTS, configured, from_environment, resolve, user_config_path, with_values
from .table import TABLE, Option, Options, default, flag, parse_value, values_of

__all__ = [
    "OBJECTS",
    "TABLE",
    "Option",
    "Options",
    "configured",
    "default",
    "flag",
    "from_environment",
    "help_text",
    "parse_line",
    "parse_value",
    "resolve",
    "to_line",
    "user_config_path",
    "values_of",
    "whole_line",
    "with_values",
]
