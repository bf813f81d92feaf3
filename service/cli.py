"""The `skyfix` command: a root whose subcommands are imported only when they run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from models.errors import (
    BundleError,
    ExecutorUnavailable,
    NoTiles,
    OutputBusy,
    OutputError,
    OutputUnfinished,
    ProviderUnavailable,
    SkyfixError,
    SourceError,
    SourceUnavailable,
    TooManyBadTiles,
    UsageError,
)
from service.environment import check_environment, missing_package_message, program_version
from service.errors import FramesInvalid, KeyFileInvalid, NotCalibrated, TrackFileInvalid

COMMANDS = {
    "demo": ("service.commands.demo:command", "Render a synthetic city, index it, serve it and locate photos in it."),
    "serve": ("service.commands.serve:command", "Answer photos over HTTP."),
    "keys": ("service.commands.keys:command", "Make, list and revoke API keys."),
    "localize": ("service.commands.localize:command", "Say where one photo was taken, without a server."),
    "explain": ("service.commands.explain:command", "Draw what the answer about a photo rests on."),
    "track": ("service.commands.track:command", "Follow a camera through a folder of photos or a film."),
    "correct": ("service.commands.correct:command", "Correct the fixes of a track by photos taken along it."),
    "geotag": ("service.commands.geotag:command", "Give positions to the photos of a folder that have none."),
    "openapi": ("service.commands.openapi:command", "Print the OpenAPI document of the service."),
    "index": ("index.commands:command", "Build and inspect indexes of aerial imagery."),
    "train": ("models.commands.train:command", "Train a model."),
    "evaluate": ("models.commands.evaluate:command", "Measure recall on a data set, your own pairs or a sample city."),
    "calibrate": (
        "models.commands.calibrate:command",
        "Fit probabilities and radii to photos of known place, or check them.",
    ),
    "export": ("models.commands.export:command", "Turn a checkpoint into a model bundle."),
    "import": ("models.commands.import_:command", "Turn foreign weights into a model bundle."),
    "model-info": ("models.commands.model_info:command", "Show what a model bundle or configuration holds and costs."),
    "simulate-fleet": (
        "service.commands.simulate_fleet:command",
        "Drive a fleet with bad GPS through a sample city and report what its photos are worth.",
    ),
    "sample-city": ("models.commands.sample_city:command", "Write imagery and photos of a procedural city."),
}
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
EXIT: dict[type[SkyfixError], int] = {
    SkyfixError: EXIT_FAILED,
    UsageError: 2,
    SourceError: 2,
    TrackFileInvalid: 2,
    FramesInvalid: 2,
    NoTiles: 3,
    TooManyBadTiles: 3,
    KeyFileInvalid: 3,
    NotCalibrated: 3,
    BundleError: 3,
    OutputError: 4,
    OutputUnfinished: 2,
    SourceUnavailable: 5,
    ProviderUnavailable: 5,
    OutputBusy: 6,
    ExecutorUnavailable: 8,
}
"""The one table from error to exit code; the closest class counts."""


class Root(click.Group):
    """A group that knows its subcommands by name and turns every deliberate error into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is no command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> NoReturn:
        """Run and exit: 0 success, 1 failed, 2 wrong use, 3 to 8 see EXIT, 130 interrupted, 143 terminated."""
        arguments = list(sys.argv[1:] if args is None else args)
        extra.update(standalone_mode=False, prog_name="skyfix")
        as_json = "--json" in arguments
        try:
            check_environment()
            outcome = super().main(arguments, *more, **extra)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            sys.exit(EXIT_INTERRUPTED)
        except SkyfixError as error:
            _complain(str(error), error.code, as_json)
            sys.exit(exit_code_of(type(error)))
        except ModuleNotFoundError as error:
            message = missing_package_message(error.name)
            if message is None:
                raise
            _complain(message, "package_missing", as_json)
            sys.exit(EXIT_FAILED)
        sys.exit(outcome if isinstance(outcome, int) else 0)


def exit_code_of(error: type[SkyfixError]) -> int:
    return next(EXIT[kind] for kind in error.__mro__ if kind in EXIT)


def _complain(message: str, code: str, as_json: bool) -> None:
    click.echo(f"error: {message} [{code}]", err=True)
    if as_json:
        click.echo(json.dumps({"error": {"code": code, "detail": message}}))


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(program_version(), prog_name="skyfix")
def main() -> None:
    """Where was this photo taken? A street-level photo against aerial imagery you own."""


if __name__ == "__main__":
    main()
