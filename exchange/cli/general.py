"""Commands of both roles: what a file is, what a code means, and the story on made-up schools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exchange.cli.frame import Answer, Asked, Command, argument, file_argument, note, say
from exchange.words import mark, number, tr

if TYPE_CHECKING:
    from exchange import errors
    from exchange.rules.findings import Rule
    from exchange.trust.opening import Inspection

_KINDS = {
    1: mark("prefill: a school's first data"),
    2: mark("from a school to the server"),
    3: mark("return from the server to a school"),
    4: mark("order of a district office to the server"),
    5: mark("answer of the server to a district office"),
}

# --- inspect ----------------------------------------------------------------------------------


@click.command("inspect", cls=Command)
@file_argument("file")
@click.pass_obj
def inspect(asked: Asked, file: Path) -> Answer:
    """Show what anybody may see of a package: kind, school, number, size, fingerprint, and whether it is whole.

    Nothing of it is certain before the receiver has checked the signature. The content stays sealed.
    """
    from exchange import errors, spool
    from exchange.trust.opening import inspect_package

    with spool.read_package(file) as stream:
        found = inspect_package(stream)
    if found.header is None:
        raise found.error or errors.NotOurs()
    return Answer(inspection_json(file, found), _inspection_lines(found), 0 if found.whole else 1)


def inspection_json(file: Path, found: Inspection) -> dict[str, Any]:
    """Return an inspection under the names of ``kirim inspect --json``."""
    from exchange.saying import said

    header = found.header
    assert header is not None
    problem = found.error
    return {
        "file": str(file.absolute()),
        "kind": header.kind.name.lower(),
        "sekolah_id": header.scope_id,
        "number": header.number,
        "bytes": found.size,
        "package_id": found.package_id.hex(),
        "fingerprint": short(found.package_id),
        "sender": header.sender.hex(),
        "receivers": [wrap.receiver.hex() for wrap in header.wraps],
        "suite": header.suite,
        "certificates": [
            {"kind": certificate.kind.name.lower(), "key_id": certificate.key_id.hex()}
            for certificate in found.certificates
        ],
        "whole": found.whole,
        "problem": None if problem is None else {"code": problem.code, "what": said(problem)[0]},
    }


def short(package_id: bytes) -> str:
    """Return what people compare of a package over the telephone: the first 64 bits of its id.

    Example:
        >>> short(bytes(range(32)))
        '0001-0203-0405-0607'
    """
    digits = package_id[:8].hex()
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def _inspection_lines(found: Inspection) -> Iterator[str]:
    from exchange.cli.door import told
    from exchange.cli.show import columns

    header = found.header
    assert header is not None
    yield tr("This file claims to be (the receiver checks the signature):")
    yield from columns(
        [
            [tr("kind"), f"{header.kind.name} - {tr(_KINDS[header.kind])}"],
            [tr("school (sekolah_id)"), header.scope_id],
            [tr("number"), str(header.number)],
            [tr("size"), tr("{count} bytes").format(count=number(found.size))],
            [tr("fingerprint"), short(found.package_id)],
            [tr("sender's key"), header.sender.hex()],
            *([tr("carries a certificate"), c.kind.name.lower()] for c in found.certificates),
            [tr("whole"), tr("yes") if found.whole else tr("no")],
        ]
    )
    if found.error is not None:
        yield from told(found.error)
    yield tr("For whom it is, whoever sent it can say; only the receiver can open it.")


# --- explain ----------------------------------------------------------------------------------


@click.command("explain", cls=Command)
@argument("code", metavar="CODE")
@click.pass_obj
def explain(asked: Asked, code: str) -> Answer:
    """Explain a code, such as KF-401 or PD-10: what it means, what to do, what is safe.

    Codes that begin with KF come from this program; the others are rules of Validasi Lokal.
    """
    from exchange import errors

    wanted = code.strip().upper()
    if wanted.isdigit():
        wanted = f"KF-{wanted}"
    elif "-" not in wanted:
        letters = wanted.rstrip("0123456789")
        wanted = f"{letters}-{wanted[len(letters) :]}"
    entry = errors.REGISTRY.get(wanted)
    if entry is not None:
        document = code_json(entry)
        return Answer(document, _code_lines(document))
    rules = _rules(wanted)
    if not rules:
        raise click.BadParameter(tr("there is no code {code}").format(code=wanted), param_hint=tr("CODE"))
    return Answer({"code": wanted, "rules": rules}, _rule_lines(wanted, rules))


def code_json(entry: type[errors.ExchangeError] | errors.Reason) -> dict[str, Any]:
    """Return what a code means under the names of ``kirim explain --json``, facts left open."""
    from exchange import errors
    from exchange.cli.show import Blanks

    reason = isinstance(entry, errors.Reason)
    return {
        "code": entry.code,
        "what": tr(entry.what).format_map(Blanks()),
        "next": tr(entry.next).format_map(Blanks()),
        "safe": tr(entry.safe).format_map(Blanks()),
        "who": entry.who.value,
        "grave": entry.grave.value,
        "fate": None if reason or not isinstance(entry, type) else entry.fate.value,
    }


_FATES = {
    "retry": mark("it is tried again by itself"),
    "hold": mark("held, goes on by itself"),
    "quarantine": mark("the file is put aside as evidence"),
    "stop": mark("the command ends; nothing is done by itself"),
}


def _code_lines(document: Mapping[str, Any]) -> Iterator[str]:
    from exchange.cli.show import columns, held
    from exchange.errors import Grave
    from exchange.saying import gravity

    yield f"{document['code']}: {document['what']}"
    fate = document["fate"]
    yield from columns(
        [
            [tr("next"), document["next"]],
            [tr("safe"), document["safe"]],
            [tr("who"), tr(document["who"])],
            [tr("how grave"), gravity(Grave(document["grave"]))],
            *([[tr("then"), tr(_FATES[fate] if fate != "hold" else held(document["code"]))]] if fate else []),
        ]
    )


def _rules(code: str) -> list[dict[str, str]]:
    """Return the rules of *validasi lokal* that have a code."""
    from exchange.cli.show import Blanks
    from exchange.rules import findings

    found: list[Rule] = list(findings.rules(code))
    expected = [(table, column) for (table, column), name in findings.EXPECTED.items() if name == code]
    told = [
        {"level": r.level.value, "tab": r.tab, "table": r.table, "message": tr(r.message).format_map(Blanks())}
        for r in found
    ]
    for table, column in expected:
        message = tr(findings.EMPTY.message).format(column=column, count="…")
        told.append({"level": findings.EMPTY.level.value, "tab": "", "table": table, "message": message})
    return told


def _rule_lines(code: str, rules: list[dict[str, str]]) -> Iterator[str]:
    from exchange.cli.show import columns

    yield tr("{code} is a rule of Validasi Lokal:").format(code=code)
    yield from columns([[tr(r["level"]), r["tab"] or r["table"] or tr("every table"), r["message"]] for r in rules])
    if any(r["level"] == "invalid" for r in rules):
        yield tr("What is invalid stops the export until it is mended; a warning does not.")


# --- demo -------------------------------------------------------------------------------------


@click.command("demo", cls=Command)
@argument("folder", metavar="DIR", type=click.Path(path_type=Path), default=Path("demo"), required=False)
@click.pass_obj
def demo(asked: Asked, folder: Path) -> Answer:
    """Play the whole main job on made-up schools in one empty folder, and tell what happens at each step."""
    from exchange.demo.story import run

    figures = run(folder, note if asked.json else say)
    return Answer(figures)
