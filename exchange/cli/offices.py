"""``kirim server district``: the centre certifies district offices, lists them and takes their rights back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Group, file_argument, option
from exchange.words import mark, number, tr, trn

if TYPE_CHECKING:
    from exchange.districts import District
    from exchange.nodes import ServerNode

offices = Group("district", help="District offices (dinas): certify them for a region, list them, take the right back.")

STATES = {"aktif": mark("in use"), "dicabut": mark("revoked")}
"""States of an office, as message ids."""


def _server(asked: Asked) -> closing[ServerNode]:
    from exchange.nodes import ServerNode

    return closing(ServerNode.open(asked.home.absolute(), asked.db))


def _heard(count: int) -> str:
    return trn("{count} school hears of it by its next return", "{count} schools hear of it by their next returns", count).format(
        count=number(count)
    )


@offices.command("add")
@file_argument("file")
@option("--wilayah", metavar="CODE", required=True, help="kode_wilayah of its province, kabupaten or kecamatan.")
@option("--sealed", is_flag=True, help="Schools of the region seal their packages to the office as well.")
@option(
    "--root",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The root's key file, or the spare's, from where it is kept; by default kunci/akar.",
)
@option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where the answer goes; by default outbox/.")
@click.pass_obj
def add(asked: Asked, file: Path, wilayah: str, sealed: bool, root: Path | None, out: Path | None) -> Answer:
    """Certify an office by its request, or change what a certified one may. Compare the fingerprints first.

    Done again for another region, the office has that one alone; without --sealed that right ends.
    """
    from exchange.districts import certify

    with _server(asked) as node:
        made = certify(
            node,
            file,
            wilayah,
            is_sealed=sealed,
            root=root.absolute() if root is not None else None,
            out=out.absolute() if out is not None else None,
        )

    def lines() -> Iterator[str]:
        one = made.district
        yield tr("{name} is certified for {wilayah}.").format(name=one.name, wilayah=one.region.strip())
        yield tr("Fingerprint of the office's key: {fingerprint}").format(fingerprint=one.fingerprint)
        yield tr("Fingerprint of the root: {fingerprint}").format(fingerprint=made.root)
        yield tr("File for the office: {file}").format(file=made.file)
        yield _heard(made.schools)
        yield tr("Tell the office the root's fingerprint by telephone, never in the file's company.")

    return Answer(made.as_json(), lines())


@offices.command("list")
@click.pass_obj
def list_(asked: Asked) -> Answer:
    """Show the offices: region, fingerprint, state, orders taken."""
    from exchange.districts import districts

    with _server(asked) as node:
        found = districts(node)
    return Answer({"districts": [one.as_json() for one in found]}, _lines(found))


def _lines(found: Iterable[District]) -> Iterator[str]:
    from exchange.cli.show import columns

    rows = [[tr("region"), tr("office"), tr("fingerprint"), tr("state"), tr("sealed too"), tr("orders"), tr("key id")]]
    for one in found:
        sealed = tr("yes") if one.is_sealed and one.state == "aktif" else tr("no")
        rows.append(
            [one.region.strip(), one.name, one.fingerprint, tr(STATES[one.state]), sealed, number(one.last), one.key.hex()]
        )
    yield from columns(rows, right=(5,))


@offices.command("revoke")
@option("--key", "key", metavar="KEY", required=True, help="The key's id, or its fingerprint (sidik).")
@click.pass_obj
def revoke(asked: Asked, key: str) -> Answer:
    """Take an office's rights back: its keys are lost, or it is no office any more. What it has done stays."""
    from exchange.districts import revoke as take_back

    with _server(asked) as node:
        made = take_back(node, key)

    def lines() -> Iterator[str]:
        yield tr("No further order of {name} ({wilayah}) counts.").format(
            name=made.district.name, wilayah=made.district.region.strip()
        )
        yield _heard(made.schools)

    return Answer(made.as_json(), lines())
