"""A package leaves the school: ``kirim school export``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Command, note, option
from exchange.cli.school import given_passphrase, opened, passphrase_file
from exchange.cli.secrets import agree, tick
from exchange.words import number, size, tr, trn

if TYPE_CHECKING:
    from exchange.packager import Exported
    from exchange.school.sheet import Line, Sheet


@click.command("export", cls=Command)
@option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where the package goes; by default outbox/.")
@option(
    "--confirm", is_flag=True, help="Agree to the confirmation sheet and the consent without being asked, for scripts."
)
@passphrase_file
@click.pass_obj
def export(asked: Asked, out: Path | None, confirm: bool, passphrase_file: Path | None) -> Answer:
    """Write one sealed package with everything that the server has not acknowledged.

    The head ticks each line of the sheet (Lembar Konfirmasi), gives the consent, and approves with the passphrase. Nothing is
    written while anything is invalid, no head is assigned, or another account than the head's is in use.
    """
    from exchange import packager

    def confirmed(sheet: Sheet) -> bool:
        for line in _sheet_lines(sheet):
            note(line)
        if confirm:
            return True
        return tick([_sheet_line(line) for line in sheet.lines]) and agree(tr("Do you agree to send?"))

    with opened(asked) as node:
        made = packager.export(
            node,
            passphrase=lambda: given_passphrase(passphrase_file, check=node.head),
            confirm=confirmed,
            out=out.absolute() if out is not None else None,
        )
    return Answer(made.as_json(), _export_lines(made))


def _sheet_lines(sheet: Sheet) -> Iterator[str]:
    from exchange.cli.show import by_operation, columns, when
    from exchange.overview import moment

    yield tr("Lembar Konfirmasi Sinkronisasi - data of this school, and what this package carries of it:")
    head = ["", tr("rows"), tr("new"), tr("changed"), tr("deleted"), tr("since the last export")]
    counts = ([line.rows, line.insert, line.update, line.delete, line.since_last] for line in sheet.lines)
    rows = [[line.kind, *map(number, found)] for line, found in zip(sheet.lines, counts, strict=True)]
    yield from columns([head, *rows], right=(1, 2, 3, 4, 5))
    yield tr("Last export: {when}").format(when=when(moment(sheet.last_exported_at)))
    yield tr("By table:")
    yield from by_operation(sheet.changes)
    yield tr("Approved by: {nama}").format(nama=sheet.head.nama)
    yield ""
    yield tr("Persetujuan Pengiriman Data")
    yield sheet.consent


def _sheet_line(line: Line) -> str:
    return tr("{kind}: {rows} rows here; sent: {insert} new, {update} changed, {delete} deleted. Right?").format(
        kind=line.kind,
        rows=number(line.rows),
        insert=number(line.insert),
        update=number(line.update),
        delete=number(line.delete),
    )


def _export_lines(made: Exported) -> Iterator[str]:
    rows = sum(sum(ops.values()) for ops in made.changes.values())
    yield tr("Written and read back: {file}").format(file=made.file)
    yield "  " + trn("{rows} changed row, {size}", "{rows} changed rows, {size}", rows).format(
        rows=number(rows), size=size(made.bytes)
    )
    yield "  " + tr("up to change number {count}, mark {mark}").format(
        count=number(made.last), mark=made.mark
    )
    if not rows:
        yield "  " + tr("There are no changes; the package is valid and tells the server what has arrived here.")
    if made.put_back:
        yield "  " + tr("rows that another program had removed from the file stand again: {count}").format(
            count=number(len(made.put_back))
        )
    yield tr("Take it to the district. If it gets lost, the next export carries everything again.")
