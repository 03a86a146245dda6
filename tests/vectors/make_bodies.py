"""Writes ``bodies.json``: what the encoder makes of small, made-up changesets, manifests and outcomes.

    python -m tests.vectors.make_bodies

A released vector is never edited: packages of every version open with every later one. New ones are appended. The compressed
frame is not pinned, since another version of zstd may pack it otherwise; what stands in it is.
"""

from __future__ import annotations

import json
from pathlib import Path

from exchange.format.changeset import encode_changeset
from exchange.format.manifest import encode_manifest
from exchange.format.outcome import encode_outcome
from exchange.records import (
    Answer,
    Approval,
    Block,
    Cause,
    ChangesetHead,
    Counts,
    CutAgain,
    Digests,
    Line,
    Manifest,
    Op,
    Outcome,
    Position,
    Receipt,
)
from exchange.schema import SCHEMA
from exchange.schema.ids import derive_id

FILE = Path(__file__).with_name("bodies.json")
SCOPE = "0f0c0000-0000-4000-8000-000000000001"
PUPILS = [f"a1b2c3d{n}-0000-4000-8000-00000000000{n}" for n in (1, 2, 3)]


def block(table: str, op: Op, keys: list[list[object]], *, cause: Cause = Cause.SEKOLAH, locked: bool = False,
          home: str | None = None, **columns: list[object]) -> Block:  # fmt: skip
    declared = SCHEMA.by_name[table]
    chosen = tuple(sorted((declared.by_name[name] for name in columns), key=lambda column: column.number))
    return Block(declared, op, chosen, [*keys, *(columns[c.name] for c in chosen)], cause, locked, home)


def page_example() -> tuple[ChangesetHead, list[Block]]:
    """The example of ``docs/format-body.md``."""
    stays = [derive_id("registrasi_peserta_didik", pupil, SCOPE, "1") for pupil in PUPILS]
    return ChangesetHead(2, Position(12, b"pangkal8")), [
        block("peserta_didik", Op.INSERT, [list(PUPILS)], nama=["SITI AMINAH", "BUDI", "WAYAN"], jenis_kelamin=["P", "L", "L"],
              nisn=["0012345678", None, "0012345680"], tanggal_lahir=["2016-05-03", "2016-05-04", "3 Mei 2016"],
              agama_id=[1, 1, 1]),
        block("registrasi_peserta_didik", Op.INSERT, [list(stays)], peserta_didik_id=list(PUPILS), sekolah_id=[SCOPE] * 3,
              tanggal_masuk_sekolah=["2022-07-18"] * 3),
        block("peserta_didik", Op.UPDATE, [[PUPILS[0]]], nama=["SITI AMINAH"], nisn=["0012345678"], tanggal_lahir=["2016-05-03"],
              rt=[3], lintang=["-6.25"]),
        block("peserta_didik", Op.DELETE, [[PUPILS[2]]]),
    ]  # fmt: skip


def every_form() -> tuple[ChangesetHead, list[Block]]:
    """Every form of column and of integers, exceptions, gaps, causes, a lock, a home."""
    count = 12
    keys: list[object] = [f"00000000-0000-4000-8000-{n:012x}" for n in range(count)]
    digits = [f"99{n * 7919:014d}" for n in range(count)]
    other = "0f0c0000-0000-4000-8000-000000000002"
    return ChangesetHead(3, Position(0, bytes(8)), CutAgain(bytes(range(32)), 1, 2)), [
        block("peserta_didik", Op.INSERT, [keys], cause=Cause.PUSAT, home=other,
              nama=[f"SISWA {n}" for n in range(count)], nik=digits, tempat_lahir=["Contoh", "Lain"] * 6,
              tanggal_lahir=[f"2016-05-{n + 1:02}" for n in range(count)], lintang=[f"-6.{n}" for n in range(1, count + 1)],
              bujur=["106.25", "106.5", "106.75", None, 106.5, "106.250"] * 2, rt=[n * n for n in range(count)],
              rw=[3, 3, None] * 4, alamat_jalan=["", "é", "e\u0301", "🎒", "a\0b", " ", "\t", "'", "\r\n", b"\xff", 5, 2.5]),
        block("sekolah", Op.UPDATE, [[SCOPE, other]], cause=Cause.VERVAL, locked=True, yayasan_id=[None, "F" * 36]),
        block("peserta_didik_longitudinal", Op.UPDATE, [keys[:3], ["20261", "20261", "20262"]], cause=Cause.DINAS,
              tinggi_badan=[130, 70_000, -5_000_000_000]),
        block("peserta_didik", Op.UPDATE, [[keys[0]]], cause=Cause.KIP, nama=["Jl. Melati No. 12"], kode_wilayah=["990101  "],
              bujur=["106.250"], rw=["x"], nik=[5], no_kk=[b"\0"], tanggal_lahir=["2016-02-30"], nama_dusun=["Ibu ke-2 dari McD"]),
    ]  # fmt: skip


def manifests() -> dict[str, Manifest]:
    have, first = Position(12, b"pangkal8"), Position(1, b"sebelum8")
    receipt = Receipt(b"P" * 32, 3, b"laptop-1", 0, 2, b"V" * 32, b"H" * 32, Counts(5, 4, 3, 2, 1), b"O" * 32, b"L" * 32,
                      1_793_000_000, 0, b"S" * 64)  # fmt: skip
    return {
        "least": Manifest(1, "", 0, Position(0, bytes(8)), Position(0, bytes(8)), 0),
        "page": Manifest(
            1, "1.0.0", 1_793_000_000, have, first, 2, 7, Approval(1, b"penugasan kepala", 1, 1_792_999_990, b"T" * 64),
            Digests(b"akar semua tabel", {40: (3, b"sidik-40"), 41: (3, b"sidik-41")}),
        ),
        "return": Manifest(
            1, "1.0.0", 1_793_000_000, first, have, 20, 9, None, Digests(bytes(16), {}), (receipt,), b"K" * 32,
            (Position(2, b"dua-----"), Position(1, b"satu----")), (Position(5, b"lima----"),),
            Answer(b"W" * 32, Position(1, b"sebelum8"), (Position(12, b"pangkal8"),), (Position(20, b"hilang-8"),)),
        ),
    }  # fmt: skip


def outcomes() -> dict[str, bytes]:
    table = SCHEMA.by_name["peserta_didik"]
    group = table.group_of["nama"]
    lines = [
        Line(table, PUPILS[1], group, Outcome.CONFLICT, 520, ("nama",), ("BUDI",), ("BUDI S",), Cause.VERVAL, False),
        Line(table, PUPILS[0], group, Outcome.CONFLICT, 520, ("nama",), ("SITI",), ("SITI A",), Cause.VERVAL, False),
        Line(
            table, PUPILS[2], None, Outcome.REFUSED, 512, ("nama", "rt"), (None, 1), (b"\0", 2.5), Cause.SEKOLAH, True
        ),
    ]
    return {"nothing": encode_outcome([], Counts()), "three lines": encode_outcome(lines, Counts(1, 2, 2, 1, 0))}


def vectors() -> dict[str, object]:
    changesets = {"page": page_example(), "every form": every_form()}
    return {
        "scope": SCOPE,
        "changesets": {
            name: [part.hex() for part in encode_changeset(SCHEMA, SCOPE, head, blocks)]
            for name, (head, blocks) in changesets.items()
        },
        "manifests": {name: encode_manifest(manifest).hex() for name, manifest in manifests().items()},
        "outcomes": {name: data.hex() for name, data in outcomes().items()},
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n")
