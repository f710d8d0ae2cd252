"""Commands that share options: typer reads a command's options off its signature."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def with_parameters(
    command: Callable[..., Any], more: Iterable[inspect.Parameter], inner: Callable[..., Any]
) -> Callable[..., Any]:
    """`inner` under the name, help and options of `command`, with some more options.

    Options that both have are the command's.
    """
    own = inspect.signature(command)
    kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    known = {p.name for p in kept}
    added = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in more if p.name not in known]
    wrapped = functools.wraps(command)(inner)
    vars(wrapped)["__signature__"] = own.replace(parameters=[*kept, *added])
    wrapped.__annotations__ = {p.name: p.annotation for p in (*kept, *added)}
    return wrapped


def taking_options_of(other: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of another one, which it takes as `**given`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        parameters = inspect.signature(other).parameters.values()
        return with_parameters(command, parameters, lambda *args, **given: command(*args, **given))

    return decorate
