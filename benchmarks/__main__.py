"""`python -m benchmarks`: our speed beside what people use, and where a run spends its time."""

import typer

from benchmarks import involution, keep, profile_page, reference, scale, statistics, suite
from tricklift.errors import report_user_errors

app = typer.Typer(
    name="python -m benchmarks",
    help="Measure tricklift. Nothing else should run on the machine meanwhile.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(help=suite.ABOUT)(suite.speed)
app.command("profile")(profile_page.command)
app.command()(involution.involution)
app.command()(scale.scale)
app.command()(statistics.statistics)
app.command()(reference.reference)
app.command()(keep.keep)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; errors of the user end with one line and exit code 2."""
    with report_user_errors():
        app(arguments, prog_name="python -m benchmarks")


if __name__ == "__main__":
    main()
