"""What an office may know of its region, and of nothing else: where its schools stand, and what has come for them."""

from __future__ import annotations

from exchange import regions
from exchange.acts import head
from exchange.districts import District
from exchange.format.certificate import KeyKind, decode_certificate
from exchange.laptops import ACTIVE, CONTESTED
from exchange.nodes import ServerNode
from exchange.overview import moment
from exchange.packager import due
from exchange.store.server import School
from exchange.trust.keys import fingerprint, public_of

PACKAGES_MAX = 20_000
"""Packages that one report tells one by one; a later report goes on from there."""


def report(server: ServerNode, of: District) -> tuple[dict[str, object], int]:
    """Return the state of a region's schools and the packages that have come since the last report.

    Returns:
        The report, and the number of the ledger's entry up to which it tells of packages.
    """
    store = server.store
    scopes = regions.schools_in(store.db, of.region)
    schools = [_school(server, school) for scope in scopes if (school := store.school(scope))]
    packages, upto = _packages(server, set(scopes), of.reported)
    document: dict[str, object] = {"wilayah": of.region.strip(), "schools": schools, "packages": packages}
    if of.is_sealed:
        document["keys"] = _keys(server, scopes)
    return document, upto


def _school(server: ServerNode, school: School) -> dict[str, object]:
    db, scope = server.store.db, school.sekolah_id
    held = db.execute(
        "SELECT number, code, received_at, held FROM kirim_package WHERE scope = ? AND state = 'held' ORDER BY number", (scope,)
    )
    contested = db.execute("SELECT body FROM kirim_key WHERE scope = ? AND state = ? ORDER BY rowid", (scope, CONTESTED))
    last = db.execute("SELECT number, received_at FROM kirim_package WHERE scope = ? ORDER BY seq DESC LIMIT 1", (scope,)).fetchone()
    return {
        "npsn": school.npsn,
        "sekolah_id": scope,
        "nama": db.value("SELECT nama FROM sekolah WHERE sekolah_id = ?", (scope,)),
        "wilayah": str(db.value("SELECT kode_wilayah FROM sekolah WHERE sekolah_id = ?", (scope,)) or "").strip(),
        "enrolled": bool(school.device),
        "last_number": None if last is None else last[0],
        "last_received_at": None if last is None else moment(last[1]),
        "to_receive": due(server, school),
        "held": [
            {"number": number, "code": f"KF-{code}", "since": moment(at), "changes": changes}
            for number, code, at, changes in held.fetchall()
        ],
        "contested": [
            {"key": found.key_id.hex(), "fingerprint": fingerprint(public_of(found))}
            for (body,) in contested.fetchall()
            if (found := decode_certificate(bytes(body))).kind is KeyKind.PERANGKAT
        ],
        "conflicts": db.value("SELECT coalesce(sum(conflict), 0) FROM kirim_changeset WHERE scope = ?", (scope,)),
        "open": db.value("SELECT count(*) FROM kirim_open WHERE scope = ?", (scope,)),
        "findings": db.value("SELECT count(*) FROM vld_data WHERE kirim_home = ? AND soft_delete IS NOT 1", (scope,)),
    }


def _packages(server: ServerNode, scopes: set[str], after: int) -> tuple[list[dict[str, object]], int]:
    found = server.store.db.execute(
        "SELECT p.seq, s.sekolah_id, s.npsn, p.number, p.state, p.code, p.received_at, p.applied, p.same, p.conflict, p.refused, p.held "
        "FROM kirim_package p JOIN kirim_school s ON s.sekolah_id = p.scope "
        "WHERE p.seq > ? AND p.state IN ('merged', 'held', 'quarantined') ORDER BY p.seq",
        (after,),
    )
    told: list[dict[str, object]] = []
    for seq, scope, npsn, number, state, code, at, *counts in found:
        if scope not in scopes:
            continue
        if len(told) == PACKAGES_MAX:
            return told, seq - 1
        told.append(
            {
                "npsn": npsn,
                "number": number,
                "state": state,
                "code": f"KF-{code}" if code else None,
                "received_at": moment(at),
                "changes": dict(zip(("applied", "same", "conflict", "refused", "held"), counts, strict=True)),
            }
        )
    return told, head(server.store)[0]


def _keys(server: ServerNode, scopes: list[str]) -> dict[str, object]:
    """Return the public keys with which an office checks who sealed a package: it trusts the centre's word alone."""
    certificates, codes = [], []
    for scope in scopes:
        certificates += [
            [bytes(body).hex(), bytes(signature).hex()]
            for body, signature in server.store.db.execute(
                "SELECT body, signature FROM kirim_key WHERE scope = ? AND state = ? ORDER BY rowid", (scope, ACTIVE)
            )
        ]
        codes += [
            [scope, purpose, bytes(public).hex(), bytes(subject or b"").hex()]
            for purpose, public, subject in server.store.db.execute(
                "SELECT purpose, public, subject FROM kirim_code WHERE scope = ? ORDER BY rowid", (scope,)
            )
        ]
    return {"certificates": certificates, "codes": codes}
