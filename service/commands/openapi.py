"""`skyfix openapi`: the contract as a document, without a service."""

from __future__ import annotations

import json

import click

from service.environment import program_version
from service.openapi import admin_document, public_document


@click.command()
@click.option("--admin", is_flag=True, help="Of the admin address, not of the public one.")
def command(admin: bool) -> None:
    """Print the OpenAPI document, as /openapi.json gives it where SKYFIX_EXPOSE_OPENAPI says so."""
    document = admin_document(program_version()) if admin else public_document(program_version())
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
