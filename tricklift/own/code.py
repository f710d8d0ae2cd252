"""Config values as Python code that reads well."""

from collections.abc import Mapping
from typing import Any

#: As the project's own configs look.
_STYLE = {
    "based_on_style": "pep8",
    "column_limit": 100,
    "split_before_expression_after_opening_paren": True,
}


class Code(str):
    """A piece of code, such as a variable's name, that stands as it is."""

    __slots__ = ()


def as_code(values: Mapping[str, Any]) -> str:
    """One assignment a key, formatted; dicts as ``dict(key=value)``."""
    from yapf.yapflib.yapf_api import FormatCode  # comes with mmengine, which writes configs by it

    text = "".join(f"{key} = {_code(value)}\n" for key, value in values.items())
    formatted, _ = FormatCode(text, style_config=_STYLE)
    return str(formatted)


def _code(value: Any) -> str:
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key.isidentifier() for key in value):
            return f"dict({', '.join(f'{key}={_code(item)}' for key, item in value.items())})"
        return f"{{{', '.join(f'{key!r}: {_code(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_code, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_code, value))}{',' if len(value) == 1 else ''})"
    return repr(value)
