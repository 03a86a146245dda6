"""How many bytes travel: whole exports against other ways of writing the same rows, and small changes through the real flows.

``pytest -s`` prints the figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import data, peers
from benchmarks.field import inserted
from exchange.format.body import Item, write_body
from exchange.format.changeset import encode_changeset
from exchange.records import ChangesetHead, Manifest, Position
from exchange.schema import SCHEMA
from tests.life import Life, Sekolah

SCOPE = "0f0c0000-0000-4000-8000-000000000001"
PUPIL = SCHEMA.by_name["peserta_didik"]


@pytest.mark.parametrize(
    ("name", "bar"),
    [("SD, 250 pupils", 0.60), ("SMK, 2,000 pupils", 0.60), ("SD rollover", 0.35), ("SMK rollover", 0.35)],
)
def test_a_whole_export_takes_a_fraction_of_what_others_need(name, bar):
    """JSON, a changeset of SQLite and msgpack arrays stand under zstd 19; ours is the body as a package holds it.

    Of the large sets only msgpack arrays are packed, always the best of the three: a minute of zstd 19 tells nothing new.
    """
    tables = data.SETS[name]()
    parts = encode_changeset(SCHEMA, SCOPE, ChangesetHead(1, Position(0, bytes(8))), inserted(tables))
    manifest = Manifest(SCHEMA.version, "0.1.0", 0, Position(0, bytes(8)), Position(0, bytes(8)), 1)
    ours = sum(map(len, write_body(manifest, ((Item.BLOCK if n else Item.HEAD, part) for n, part in enumerate(parts)))))
    arrays = {"msgpack arrays": peers.packed(peers.msgpack_arrays(SCHEMA, tables))}
    others = arrays if name.startswith("SMK") else peers.sizes(SCHEMA, tables)
    ratio = ours / peers.best(others)
    told = ", ".join(f"{peer} {size:,}" for peer, size in others.items())
    print(f"\n{name}: {ours:,} bytes, {ratio:.3f} of the best of {told}")
    assert ratio <= bar


@pytest.fixture(scope="module")
def school(tmp_path_factory) -> Iterator[Sekolah]:
    """A school whose enrolment is over: its certificates ride no longer. Its pupils are known to the server."""
    life = Life(tmp_path_factory.mktemp("bytes"))
    school = life.school()
    columns, rows = data.full("SD", 250)["peserta_didik"]
    marks = ", ".join("?" * len(columns))
    with school.node.store.db.transaction():
        school.node.store.db.executemany(f"INSERT INTO peserta_didik ({', '.join(columns)}) VALUES ({marks})", rows)
    school.round_trip()
    yield school
    life.close()


def sent(school: Sekolah) -> int:
    """Bytes of the next package, which then makes its round trip."""
    exported = school.export()
    result = school.life.ingest(exported.file).files[0]
    assert result.status == "applied", result
    school.apply(school.life.answer(school).file)
    return exported.bytes


FILLED_IN = {
    "nomor_telepon_rumah": "0210123456", "email": "siti.contoh.2016@contoh.sch.id", "no_kks": "KKS123", "lintang": "-6.208763123456",
    "bujur": "106.845599123456", "nama_kcp": "KCP CONTOH BARAT", "rekening_atas_nama": "PARSAIKWAN TARHANWAN WIRNYAAIL",
    "rekening_bank": "1234567890", "id_bank": "002", "no_kip": "KIP123", "nm_kip": "PARSAIKWAN TARHANWAN", "no_kps": "KPS9912345678",
}  # fmt: skip
"""What nobody has yet: the operator enters it."""

INVALID_ALONE = {"kode_wilayah", "penerima_kps", "penerima_kip", "no_kip", "no_kps", "nm_kip"}
"""Columns that validasi lokal refuses unless others change with them; their groups are tried by their other columns."""


def test_one_changed_field_of_a_pupil_fits_the_bar_whatever_the_field(school):
    """Columns that merge as a unit travel whole, so each group is tried on the pupil in whom it is longest."""
    columns = ", ".join(column.name for column in PUPIL.all_columns)
    rows = [dict(zip([c.name for c in PUPIL.all_columns], row, strict=True)) for row in
            school.sql(f"SELECT {columns} FROM peserta_didik")]  # fmt: skip
    figures = {}
    for group in PUPIL.groups:
        names = [column.name for column in group.columns]
        row = max(rows, key=lambda row: sum(len(str(row[name])) for name in names if row[name] is not None))
        name = max(names, key=lambda name: (name not in INVALID_ALONE, len(str(row[name] or FILLED_IN.get(name, "")))))
        others = [other[name] for other in rows if other[name] not in (None, row[name])]
        value = FILLED_IN.get(name) or (max(others, key=lambda value: len(str(value))) if others else 1)
        if name in {"agama_id", "kewarganegaraan"}:
            value = {"agama_id": 2, "kewarganegaraan": "MY"}[name]
        if name in INVALID_ALONE:
            continue
        school.edit("peserta_didik", str(row["peserta_didik_id"]), **{name: value})
        figures[f"{group.name} ({name})"] = sent(school)
    print("".join(f"\n{size:,} {name}" for name, size in sorted(figures.items(), key=lambda item: -item[1])))
    assert len(figures) >= len(PUPIL.groups) - 2
    assert max(figures.values()) <= 1_620


def test_fifty_changed_fields_of_fifty_pupils_fit_the_bar(school):
    pupils = [str(row) for (row,) in school.sql("SELECT peserta_didik_id FROM peserta_didik LIMIT 50")]
    for n, pupil in enumerate(pupils):
        school.edit("peserta_didik", pupil, nomor_telepon_seluler=f"0899{n * 7_919_171 % 10**8:08d}")
    phones = sent(school)
    for n, pupil in enumerate(pupils):
        school.edit(
            "peserta_didik",
            pupil,
            **[{"email": f"wali.{n}@contoh.id"}, {"nisn": f"99{n:08d}"}, {"anak_keberapa": 7}][n % 3],
        )
    mixed = sent(school)
    print(f"\n50 telephone numbers {phones:,} bytes, 50 fields of three kinds {mixed:,} bytes")
    assert max(phones, mixed) <= 2_953
