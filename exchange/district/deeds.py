"""What an office's order does at the server, whole or not at all, and within the office's region alone.

Every verb is the one that the centre's own command has; what is added here is the border.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from exchange import errors
from exchange.central.change import change
from exchange.central.fence import Fence
from exchange.clocks import civil_today
from exchange.district.copies import NAME
from exchange.district.regional import report
from exchange.districts import District
from exchange.format.order import Verb
from exchange.interop.lists import SchoolRow, read_codes, read_copies, read_decisions, read_schools
from exchange.limits import ANSWER_BYTES_MAX, MIB, ORDER_SCHOOLS_MAX
from exchange.nodes import ServerNode
from exchange.overview import moment
from exchange.packager import copy_bytes, prefill_bytes
from exchange.regions import KECAMATAN, level, padded, schools_in
from exchange.registering import HANDING, issue_code, letter, note_prefilled, register
from exchange.server.headship import issue_head_code
from exchange.server.keyring import let_hold, refuse, school_keys, take_back
from exchange.store.server import School
from exchange.trust.codes import code_identity, parse_code


@dataclass(slots=True)
class Deed:
    """What an order did.

    Attributes:
        result: Under the names of the command's JSON.
        files: What the answer brings: codes and prefills, or copies, by name.
    """

    result: dict[str, object] = field(default_factory=dict)
    files: list[tuple[str, bytes]] = field(default_factory=list)


def do(server: ServerNode, of: District, verb: Verb, path: Path, label: str) -> Deed:
    """Do what an office orders, part of the caller's transaction: after an error the caller undoes all of it.

    Args:
        server: The server.
        of: Whose order.
        verb: What is ordered.
        path: The list.
        label: Its name at the office, for messages.

    Raises:
        OutsideRegion: KF-157, a line speaks of what lies elsewhere.
        SetupError, FileError: as the centre's own command.
    """
    return _VERBS[verb](server, of, path, label)


def _report(server: ServerNode, of: District, path: Path, label: str) -> Deed:
    told, upto = report(server, of)
    server.store.db.execute(
        "UPDATE kirim_district SET reported = ? WHERE scope = ? AND key_id = ?", (upto, of.scope, of.key)
    )
    return Deed(told)


def _schools(server: ServerNode, of: District, path: Path, label: str) -> Deed:
    given = read_schools(path)
    _check_count(len(given))
    deed, made, scopes, fence = Deed(), list[dict[str, object]](), set[str](), Fence(server.store, of.region, label)
    own = of.region.strip() if level(server.store.db, of.region) == KECAMATAN else ""
    for row in given:
        where = row.wilayah or own
        if not where:
            raise errors.InputRowBad(file=label, row=row.line, column="wilayah", value="-")
        fence.check_region(where, row.line)
        named = SchoolRow(row.npsn, row.name, row.bentuk, row.head, row.line, {}, padded(where))
        scope = register(server, named)
        # One that was registered before and whose code was never handed out stands where it was registered.
        fence.check(scope, row.line, f"NPSN {row.npsn}")
        if scope in scopes:
            raise errors.SchoolExists(npsn=row.npsn)
        scopes.add(scope)
        made.append(_hand_out(server, scope, deed))
    deed.result["schools"] = made
    return deed


def _hand_out(server: ServerNode, scope: str, deed: Deed) -> dict[str, object]:
    """Make a code and a prefill for the answer: the code stands nowhere at the server."""
    school = server.store.school(scope)
    assert school is not None
    code = issue_code(server, scope)
    name, prefill = prefill_bytes(server, scope, code_identity(parse_code(code), scope).public)
    server.store.db.execute("DELETE FROM kirim_meta WHERE name = ?", (HANDING + scope,))
    note_prefilled(server, school)
    code_file = f"KODE-{school.npsn}.txt"
    deed.files += [(code_file, letter(school.npsn, code)), (name, prefill)]
    if sum(len(content) for _, content in deed.files) > ANSWER_BYTES_MAX - MIB:
        raise errors.TooLarge(part="answer", limit=ANSWER_BYTES_MAX)
    return {"npsn": school.npsn, "sekolah_id": scope, "code_file": code_file, "prefill": name}


def _codes(server: ServerNode, of: District, path: Path, label: str) -> Deed:
    given = read_codes(path)
    _check_count(len(given))
    deed, made, fence = Deed(), list[dict[str, object]](), Fence(server.store, of.region, label)
    for row in given:
        school = _inside(server, fence, row.npsn, row.line)
        if row.purpose == "perangkat":
            made.append(_hand_out(server, school.sekolah_id, deed))
            continue
        _, head, text = issue_head_code(server, school.npsn)
        name = f"KODE-KEPALA-{school.npsn}.txt"
        deed.files.append((name, text))
        made.append({"npsn": school.npsn, "sekolah_id": school.sekolah_id, "code_file": name, "nama": head.nama})
    deed.result["schools"] = made
    return deed


def _check_count(count: int) -> None:
    if count > ORDER_SCHOOLS_MAX:
        raise errors.TooLarge(part="order", limit=ORDER_SCHOOLS_MAX)


def _inside(server: ServerNode, fence: Fence, npsn: str, line: int) -> School:
    school = server.store.school_by_npsn(npsn)
    fence.check(school.sekolah_id, line, f"NPSN {school.npsn}")
    return school


def _change(server: ServerNode, of: District, path: Path, label: str) -> Deed:
    done = change(server.store, "dinas", path, civil_today(server.store.clock), of.region)
    if done.unmatched and not (done.changed or done.unchanged):
        raise errors.NothingMatched(file=label)
    return Deed(done.as_json())


def _key(server: ServerNode, of: District, path: Path, label: str) -> Deed:
    fence, schools = Fence(server.store, of.region, label), dict[str, None]()
    for row in read_decisions(path):
        school = _inside(server, fence, row.npsn, row.line)
        schools[school.npsn] = None
        if row.decision == "revoke":
            take_back(server, school.npsn, row.key, after=row.after, value=row.value)
        else:
            (let_hold if row.decision == "accept" else refuse)(server, school.npsn, row.key)
    told = [{"npsn": npsn, "keys": [key.as_json() for key in school_keys(server, npsn)]} for npsn in schools]
    return Deed({"schools": told})


def _copies(server: ServerNode, of: District, path: Path, label: str) -> Deed:
    """Give every school of the region whose rows have changed since the office's copy, as far as one answer holds them.

    First those of which the office has none, then in the order of its list, so that each has its turn.
    """
    if not of.is_sealed:
        raise errors.NotGranted(wilayah=of.region.strip())
    have, deed, told = read_copies(path), Deed(), list[dict[str, object]]()
    unchanged, left, room = 0, 0, ANSWER_BYTES_MAX - MIB
    turn = {npsn: n for n, npsn in enumerate(have)}
    inside = [school for scope in schools_in(server.store.db, of.region) if (school := server.store.school(scope))]
    for school in sorted(inside, key=lambda one: turn.get(one.npsn, -1)):
        mark = f"{school.value[:8].hex()}-{server.store.reference}"
        if have.get(school.npsn) == mark:
            unchanged += 1
            continue
        content = copy_bytes(server, school) if room > 0 else b""
        one = _copied(server, school, mark)
        size = len(content) + len(json.dumps(one)) + _FRAME_BYTES  # what is told of it stands in the answer, too
        if not content or size > room:
            left, room = left + 1, 0
            continue
        room -= size
        deed.files.append((NAME.format(npsn=school.npsn), content))
        told.append(one)
    ended = sorted(have.keys() - {school.npsn for school in inside})
    deed.result |= {"schools": told, "unchanged": unchanged, "left": left, "ended": ended}
    return deed


_FRAME_BYTES = 64
"""Of a file in an answer beside its content: lengths and its name."""


def _copied(server: ServerNode, school: School, mark: str) -> dict[str, object]:
    """Return what is told of a school whose rows an answer brings."""
    db, scope = server.store.db, school.sekolah_id
    merged = db.execute("SELECT package_id FROM kirim_package WHERE scope = ? AND state = 'merged' ORDER BY seq", (scope,))
    return {
        "npsn": school.npsn,
        "sekolah_id": scope,
        "nama": db.value("SELECT nama FROM sekolah WHERE sekolah_id = ?", (scope,)),
        "mark": mark,
        "position": school.position,
        "made_at": moment(server.store.clock()),
        "packages": [bytes(package_id)[:8].hex() for (package_id,) in merged],
    }


_VERBS: dict[Verb, Callable[[ServerNode, District, Path, str], Deed]] = {
    Verb.REPORT: _report,
    Verb.SCHOOL: _schools,
    Verb.CODE: _codes,
    Verb.CHANGE: _change,
    Verb.KEY: _key,
    Verb.COPY: _copies,
}
