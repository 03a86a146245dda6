"""Copies that an office keeps of its schools' rows: whole, as the centre holds them, each in a database of its own.

An office to which packages are sealed orders what has changed since its last copy. The answer brings each such school as a
prefill would, so there is one content, one way to write it, and one authority: nothing is merged here. What a copy says
of its rows is compared with its digest before it takes the place of the one before.

Source:
    docs/format.md, section 9; docs/adr/0018-an-offices-copy-is-a-prefill-without-a-code.md.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exchange import digests, errors, homes, spool
from exchange.clocks import civil_now
from exchange.format.body import read_body
from exchange.format.digest import root
from exchange.interop.download import LISTS
from exchange.interop.report import School
from exchange.reading import changesets
from exchange.schema import SCHEMA
from exchange.school.applying import load
from exchange.store.database import BESIDE, into_one_file, open_to_read
from exchange.store.reference import load_reference
from exchange.store.school import FILE, SchoolStore
from exchange.store.semester import running_semester

if TYPE_CHECKING:
    from exchange.district.office import Office

FOLDER = "salinan"
"""Folder of the copies in an office's home; a school's is named after its NPSN."""

NAME = "SALINAN-{npsn}.isi"
"""Name of a school's content in an answer."""

_PACKAGES = "packages"
"""Name under which a copy remembers the packages that the centre had merged when it was made."""


def known(office: Office) -> bytes:
    """Return the list that an order of copies carries: each school that the office has, and the mark of what it has.

    The oldest copies stand first: where not all find room in one answer, they are renewed before those of yesterday.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("npsn", "mark"))
    found = sorted(copies(office).items(), key=lambda pair: (pair[1]["order"], pair[0]))
    writer.writerows((npsn, one["mark"]) for npsn, one in found if _is_readable(office, npsn))
    return text.getvalue().encode()


def copies(office: Office) -> Mapping[str, dict[str, Any]]:
    """Return what is remembered of each copy, by NPSN: the school, the log's mark and position, when it was made, rows, findings."""
    found: Mapping[str, dict[str, Any]] = office.state.get("copies", {})
    return found


def renumber(state: Mapping[str, Any], last: int) -> None:
    """See to it that whatever an order after ``last`` brings is newer than what is here: the chain of orders goes on from there."""
    for one in state.get("copies", {}).values():
        one["order"] = min(one["order"], last)


def take(office: Office, number: int, told: Sequence[Mapping[str, Any]], files: Mapping[str, bytes]) -> None:
    """Put the copies of an answer in the place of those before. Part of a change of what the office remembers.

    Args:
        office: The office.
        number: The order's: an older answer, opened late, takes nothing back.
        told: What the answer says of each school: ``npsn``, ``sekolah_id``, ``nama``, ``mark``, ``position``, ``made_at``,
            ``packages``.
        files: Contents by name.

    Raises:
        SchemaNewer: KF-209, the centre's program knows columns that this one does not.
        Malformed: KF-208, a content is not what its digest says.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    kept: dict[str, dict[str, Any]] = office.state.setdefault("copies", {})
    for one in told:
        npsn = str(one["npsn"])
        if kept.get(npsn, {}).get("order", 0) > number:
            continue
        content = files.get(NAME.format(npsn=npsn))
        if content is None:
            raise errors.Malformed(part="copy")
        rows, findings = _write(office, npsn, str(one["sekolah_id"]), content, one["packages"])
        kept[npsn] = {name: one[name] for name in ("sekolah_id", "nama", "mark", "position", "made_at")}
        kept[npsn] |= {"order": number, "rows": rows, "findings": findings, "schema": SCHEMA.version}


def _write(office: Office, npsn: str, scope: str, content: bytes, packages: Sequence[str]) -> tuple[int, int]:
    """Write a school's copy as a fresh database, which takes the former one's place whole, and return its rows and findings."""
    folder = office.home / FOLDER
    with spool.disk(folder):
        spool.make(folder)
    homes.unbuild(folder)
    with homes.building(folder) as place:
        with closing(SchoolStore.create(place, SCHEMA, office.clock)) as store:
            with store.transaction(), store.capture_off():
                load_reference(store.db, SCHEMA)
                manifest, items = read_body(io.BytesIO(content), SCHEMA.version)
                for found in changesets(SCHEMA, scope, items):
                    load(store, found.blocks)
                held = digests.pairs(store.db, SCHEMA, None, manifest.schema)
                if manifest.digests is None or root(held) != manifest.digests.root:
                    raise errors.Malformed(part="digest")
                store.set(**{_PACKAGES: json.dumps(list(packages))})
                findings = int(store.db.value("SELECT count(*) FROM vld_data WHERE soft_delete IS NOT 1"))
            into_one_file(store.db)
        rows = sum(count for count, _ in held.values())
        for end in BESIDE:  # another program's, which wrote into the former copy: SQLite would write them into the new one
            spool.remove(folder / f"{npsn}.db{end}")
        spool.move(place / FILE, folder, f"{npsn}.db")
        spool.sync_folder(folder)
    return rows, findings


def _place(office: Office, npsn: str) -> Path:
    return office.home / FOLDER / f"{npsn}.db"


def _is_readable(office: Office, npsn: str) -> bool:
    """Whether there is a copy of a school with all the tables and columns that this program knows."""
    one = copies(office).get(npsn)
    return one is not None and one["schema"] == SCHEMA.version and _place(office, npsn).exists()


def packages_in(office: Office, sekolah_id: str) -> frozenset[str] | None:
    """Return the packages that the centre had merged when a school's copy was made, by the first 8 bytes of their ids in hex.

    ``None`` if there is no copy of this school.
    """
    for npsn, one in copies(office).items():
        if one["sekolah_id"] == sekolah_id and _is_readable(office, npsn):
            with closing(open_to_read(_place(office, npsn))) as db:
                return frozenset(json.loads(db.value("SELECT value FROM kirim_meta WHERE name = ?", (_PACKAGES,))))
    return None


def write_list(office: Office, npsn: str, name: str, path: Path) -> int:
    """Write an Excel list of a school from its copy, in the layout of the school's own, and return its rows.

    Args:
        office: The office.
        npsn: Whose list.
        name: One of :data:`~exchange.interop.download.LISTS`.
        path: A new file, in a folder that is there.

    Raises:
        CopyMissing: KF-335.
        FileExists: KF-705. DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    if not _is_readable(office, npsn):
        raise errors.CopyMissing(npsn=npsn)
    one = copies(office)[npsn]
    with closing(open_to_read(_place(office, npsn))) as db:
        running = running_semester(db)
        school = School(str(one["sekolah_id"]), npsn, str(one["nama"]), running.semester_id, int(running.tahun_ajaran_id))
        return LISTS[name](db, school, path, civil_now(office.clock), f"NPSN {npsn}")
