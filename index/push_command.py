"""`skyfix index push`: put an index into a Milvus server, prove it there, and let readers have it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from index.bundle import open_index
from index.options import INDEX
from index.stores.milvus_push import PushReport, push
from index.stores.milvus_wire import Wire
from models.errors import UsageError

TOKEN_LIMIT_BYTES = 4_096
INDEX_TYPES = ("FLAT", "HNSW", "AUTOINDEX", "GPU_BRUTE_FORCE", "GPU_CAGRA")


@click.command("push")
@INDEX
@click.option("--to", "uri", required=True, help="http://host:19530, https://host, or a file that ends in .db.")
@click.option("--collection", help="Alias that readers open. [default: the index's name]")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with user:password or an API key, and nothing else.",
)
@click.option(
    "--index-type",
    type=click.Choice(INDEX_TYPES),
    default="FLAT",
    show_default=True,
    help="Of the vectors; FLAT and GPU_BRUTE_FORCE overlook nothing.",
)
@click.option(
    "--keep",
    type=click.IntRange(0, 1000),
    default=1,
    show_default=True,
    help="Collections of other generations that are left.",
)
@click.option("--fresh", is_flag=True, help="Fill a new collection even if this generation is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    path: Path,
    uri: str,
    collection: str | None,
    token_file: Path | None,
    index_type: str,
    keep: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Fill a collection with an index, ask it the probes, and move the alias to it if it answers them.

    An interrupted push goes on where it was when it is run again. Readers keep what they have until the end.
    """
    token = "" if token_file is None else read_token(token_file)
    index = open_index(path, load="map")
    wire = Wire(uri, token)
    try:
        with _bar() as bar:
            task = bar.add_task("rows", total=len(index.cell_rows))
            report = push(
                index,
                wire,
                collection,
                index_type=index_type,
                keep=keep,
                fresh=fresh,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    finally:
        wire.close()
    print_report(report, wire.where, as_json)


def read_token(path: Path) -> str:
    """Read a secret from a file of one line.

    Raises:
        UsageError: no such file, or it holds something else.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(TOKEN_LIMIT_BYTES + 1)
        token = content.decode("ascii").strip()
    except OSError as error:
        raise UsageError(f"Cannot read the token file {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The token file {path} holds more than plain letters, digits and signs.") from error
    if not token or len(content) > TOKEN_LIMIT_BYTES or any(letter.isspace() for letter in token):
        raise UsageError(f"The token file {path} must hold one line: user:password, or an API key.")
    return token


def print_report(report: PushReport, where: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    taken = report.rows - report.written
    were = f", {taken} of which were there" if taken else ""
    click.echo(f"{report.title}: {report.rows} rows as {report.vectors}{were}, in {report.seconds:.1f} s.")
    click.echo(f"A {report.index_type} index answers {report.probe_recall:.1%} of the probes.")
    click.echo(f"{report.alias} at {where} is now {report.collection}.")
    for name in report.dropped:
        click.echo(f"dropped: {name}")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
