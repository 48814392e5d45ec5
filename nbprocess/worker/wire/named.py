"""What packages offer by a name: it travels as that name, not as what is behind it here.

May import: the standard library.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Dict, Mapping, Tuple


class Named:
    """Stands for what a package offers by a name: at the other end it is what the package offers there."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


def by_their_names(values: Mapping[str, Any], imported: Mapping[str, Tuple[str, str]]) -> Dict[str, Named]:
    """Classes and functions under the names by which they were imported, where that is not where they are defined.

    What a package offers by a name may depend on where it runs (``tqdm.auto.tqdm``), and moves less between versions
    than what is behind it.

    Args:
        values: name → value.
        imported: name → module and attribute that it was imported from.
    """
    found = {}
    for name, (module, attribute) in imported.items():
        value = values.get(name)
        home = getattr(value, "__module__", None) if isinstance(value, (type, types.FunctionType)) else None
        if home not in (None, "__main__", module) and getattr(sys.modules.get(module), attribute, None) is value:
            found[name] = Named(module, attribute)
    return found
