"""Where a school stands and what *validasi lokal* finds: ``kirim school status`` and ``validate``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from exchange.cli.frame import Answer, Asked, Command
from exchange.cli.school import opened
from exchange.words import number, tr

if TYPE_CHECKING:
    from exchange.errors import ExchangeError
    from exchange.store.school import SchoolStore


def _store(asked: Asked) -> SchoolStore:
    """Open the store alone: what only looks at it needs no keys, and starts at once."""
    from exchange.store.school import SchoolStore

    return SchoolStore.open(asked.home.absolute(), None, lambda: int(time.time()))


@click.command("status", cls=Command)
@click.pass_obj
def status(asked: Asked) -> Answer:
    """Show the last exchange, what is not acknowledged yet, what is open, and what stands in the way of an export."""
    from exchange.cli.show import by_operation, columns, when
    from exchange.overview import blocked, causes, school_status

    with closing(_store(asked)) as store:
        found = school_status(store)
        codes = blocked(store)
        why = _why(causes(store, codes))

    def lines() -> Iterator[str]:
        yield f"{found.nama} (NPSN {found.npsn})"
        yield from columns(
            [
                [tr("files written"), number(found.sent)],
                [tr("last export"), when(found.last_exported_at)],
                [tr("acknowledged up to change"), number(found.acknowledged)],
                [tr("last return applied"), when(found.last_applied_at)],
                [tr("conflicts told"), number(found.conflicts)],
                [tr("account in use"), found.account or "-"],
            ]
        )
        if found.clock_wrong:
            yield tr("This computer's clock is wrong. Nothing is lost by that; set it when you can.")
        yield tr("Data yang Mengalami Perubahan, not acknowledged by the server yet:")
        yield from by_operation(found.pending)
        if found.open:
            yield tr("Refused and still open:")
            yield from _open_lines(found.open)
        yield from _blocked_lines(codes, why)

    told = [{"code": code, "what": what, "next": then} for code, (what, then, _) in why.items()]
    return Answer(found.as_json() | {"blocked": codes, "causes": told}, lines())


def _why(reasons: Sequence[ExchangeError]) -> dict[str, tuple[str, str, str]]:
    """Return by code what to say of each reason; mostly there is none, and then there is nothing to import."""
    if not reasons:
        return {}
    from exchange.saying import said

    return {error.code: said(error) for error in reasons}


def _open_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield refused rows by cause, the first ids of each."""
    from exchange.cli.show import meaning, title
    from exchange.limits import EXAMPLES_MAX

    causes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        causes.setdefault((str(row["code"]), str(row["table"])), []).append(str(row["id"]))
    for (code, table), ids in causes.items():
        yield f"  {code} {title(table)}: {meaning(code)} ({number(len(ids))})"
        yield from (f"    {row}" for row in ids[:EXAMPLES_MAX])


def _blocked_lines(codes: Sequence[str], why: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    if not codes:
        yield tr("Nothing stands in the way of an export.")
        return
    from exchange import errors

    yield tr("Before an export:")
    for code in codes:
        if code in why:
            yield f"  {code}: {why[code][0]}"
            yield f"    {why[code][1]}"
        else:
            yield f"  {code}: {tr(errors.REGISTRY[code].next)}"


@click.command("validate", cls=Command)
@click.pass_obj
def validate(asked: Asked) -> Answer:
    """Check the store as Validasi Lokal does, tab by tab. What is invalid stops the export."""
    from exchange.cli.checked import finding_lines
    from exchange.overview import findings
    from exchange.rules.findings import Level

    with opened(asked) as node:
        found = findings(node.store)
    counts = {level.value: sum(1 for one in found if one.level is level) for level in Level}
    document = counts | {
        "findings": [
            {
                "code": one.code,
                "level": one.level.value,
                "tab": one.tab,
                "table": one.table,
                "id": one.row,
                "name": one.name,
                "message": one.text(tr),
            }
            for one in found
        ]
    }
    return Answer(document, finding_lines(found, counts))
