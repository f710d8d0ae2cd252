"""Commands in groups with titles, and what is said of one that does not exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from tricklift.errors import UserError, did_you_mean, stoppable

#: typer gives this class no public name.
_Missing = next(one for one in typer.BadParameter.__subclasses__() if "Missing" in one.__name__)
#: Names of commands and groups -> their place in the help.
ORDER: dict[str, int] = {}
HELP = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command; what it was wrongly given is one line of ours, its options stand below titles."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the arguments.

        Raises:
            UserError: A value that its option does not take; says both, and what is allowed.
            UsageError: An option that there is not, or one that is missing.
        """
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            said = refusal(error)
            if said is None:
                raise
            raise UserError(said) from None
        except typer.Exit:
            raise
        except Exception as error:
            for one in self.get_params(ctx):
                if one.nargs > 1 and getattr(error, "option_name", None) in one.opts:
                    raise UserError(
                        f"{one.opts[0]} takes {one.metavar}, {one.nargs} words; got fewer"
                    ) from None
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, options, and those options that share a title, below it."""
        titles: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                is_option = parameter.param_type_name == "option"
                title = getattr(parameter, "rich_help_panel", None)
                title = title or ("Options" if is_option else "Arguments")
                titles.setdefault(title, []).append(record)
        for title in list(titles)[2:]:
            if len(titles[title]) == 1:  # of a command that has one of them alone
                titles["Options"] += titles.pop(title)
        for title, lines in titles.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


def refusal(error: Any) -> str | None:
    """What to say of a value that an option or argument does not take; None: as typer says it."""
    parameter = error.param
    if parameter is None or isinstance(error, _Missing):
        return None
    is_option = parameter.param_type_name == "option"
    name = parameter.opts[0] if is_option else parameter.display_name_raw
    faults = getattr(error.__cause__, "errors", None)
    if faults is None:  # of a path: what is wrong with it
        return f"{name}: {error.message.rstrip('.')}; give another path"
    given = faults()[0].get("input")
    choices = [str(choice) for choice in parameter.type_descriptor.choices or ()]
    return f"{name} takes {_allowed(parameter)}, got {given!r}{did_you_mean(str(given), choices)}"


def _allowed(parameter: Any) -> str:
    """Which values an option takes, in words."""
    what = parameter.type_descriptor
    if what.choices:
        *most, last = map(str, what.choices)
        return f"{', '.join(most)} or {last}" if most else last
    low, high = what.parameter_info.min, what.parameter_info.max
    whole = int in (what.annotation, *get_args(what.annotation))
    kind = "a whole number" if whole else "a number"
    if low is not None and high is not None:
        return f"{kind} from {low:g} to {high:g}"
    if low is not None:
        return f"{kind} from {low:g}"
    return kind if high is None else f"{kind} up to {high:g}"


class Commands(TyperGroup):
    """The commands; typer itself would end a stopped one without a word."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the one that was called."""
        with stoppable():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order in which they were registered (typer puts groups last)."""
        return sorted(self.commands, key=lambda name: ORDER.get(name, len(ORDER)))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Under the title of each group its commands, each with the first sentence of its help."""
        titles: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.commands))
        for name in self.list_commands(ctx):
            command = self.commands[name]
            if not command.hidden:
                line = command.get_short_help_str(limit=200)
                title = getattr(command, "rich_help_panel", None) or "Commands"
                titles.setdefault(title, []).append((f"{name:{width}}", line))
        for title, lines in titles.items():
            with formatter.section(title):
                formatter.write_dl(lines)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of that name.

        Raises:
            UsageError: There is none; says the nearest, in other groups too, or which there are.
        """
        word = args[0]
        if word in self.commands or word.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        shown = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
        hint = f"there are {', '.join(shown)}"
        root = ctx.find_root()
        here = {name: (*_words(ctx), name) for name in shown}
        elsewhere = {path[-1]: path for path in paths(root.command)}
        for known, likeness in ((here, 0.8), (elsewhere, 1.0), (here, 0.6), (elsewhere, 0.6)):
            if close := get_close_matches(word, known, n=1, cutoff=likeness):
                hint = f"did you mean '{' '.join((root.info_name, *known[close[0]]))}'?"
                break
        ctx.fail(f"No such command {word!r}; {hint}")


def _words(ctx: Any) -> tuple[str, ...]:
    """The words of a command line up to here, without the program's."""
    return (*_words(ctx.parent), ctx.info_name) if ctx.parent else ()


def paths(command: Any) -> list[tuple[str, ...]]:
    """The words of every command below one that are not hidden, such as `("list", "tricks")`."""
    found: list[tuple[str, ...]] = []
    for name, one in getattr(command, "commands", {}).items():
        below = [(name, *path) for path in paths(one)]
        found += below or ([] if one.hidden else [(name,)])
    return found


@dataclass(frozen=True)
class Group:
    """Commands below one word.

    Attributes:
        name: The word.
        help: What they are for.
        commands: Name -> function.
    """

    name: str
    help: str
    commands: Mapping[str, Callable[..., Any]]


def register(app: typer.Typer, title: str, what: Any, wrap: Callable[[Any], Any]) -> None:
    """Add a command (a function), or a `Group` of them, under the title of a group.

    Args:
        app: To add to.
        title: Of the group, in the help.
        what: Function or `Group`.
        wrap: Makes the command of a function.
    """
    name = what.name if isinstance(what, Group) else what.__name__.replace("_", "-")
    ORDER[name] = len(ORDER)
    if not isinstance(what, Group):
        app.command(cls=Command, rich_help_panel=title)(wrap(what))
        return
    below = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=HELP,
        help=what.help,
    )
    for word, command in what.commands.items():
        below.command(word, cls=Command)(wrap(command))
    app.add_typer(below, name=what.name, rich_help_panel=title)
