"""Made-up SK lists: which pupils get a KIP number, in the columns that the programme's lists have."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from exchange.demo.school import MadeUpSchool

KIP_HEADERS = (
    "peserta_didik_id",
    "no_kip",
    "nisn",
    "nik",
    "nama_pd",
    "nama_kartu",
    "nomor_sk",
    "tanggal_sk",
    "no_kps_lama",
)
"""Columns of a made-up list; a reader needs the first two, or NISN or NIK in place of the first."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def kip_list(
    school: MadeUpSchool, count: int, ids: Mapping[str, str] | None = None, serial: int = 1
) -> list[dict[str, str]]:
    """Return one row a pupil of an SK list: first the holders of KPS, then others without KIP.

    Ids are made when a school imports its pupils, so a list made without them names pupils by NISN and NIK.

    Args:
        school: Whose pupils.
        count: How many rows at most.
        ids: NISN to ``peserta_didik_id``, as far as they are known.
        serial: Another serial gives other numbers.

    Example:
        >>> rows = kip_list(MadeUpSchool("SD", 60, seed=1), 2)
        >>> [len(row["no_kip"]) for row in rows], rows[0]["peserta_didik_id"]
        ([6, 6], '')
    """
    people = [pupil.person for pupil in school.peserta_didik if not pupil.person["penerima_kip"]]
    people.sort(key=lambda person: not person["penerima_kps"])
    chance = school.chance("kip", serial)
    rows = []
    for person in people[:count]:
        nisn = person["nisn"] or ""
        values = (
            (ids or {}).get(nisn, ""),
            "Z" + "".join(chance.choices(_LETTERS, k=5)),
            nisn,
            person["nik"],
            person["nama"],
            person["nama"] if chance.random() < 0.9 else person["nama"].split()[0],
            f"00/XX/PIP/{school.tahun}",
            f"{school.tahun}-09-01",
            person["no_kps"] or "",
        )
        rows.append(dict(zip(KIP_HEADERS, values, strict=True)))
    return rows


def write_kip_csv(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write an SK list as CSV in UTF-8. An existing file is replaced."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, KIP_HEADERS)
        writer.writeheader()
        writer.writerows(rows)
