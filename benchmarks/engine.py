"""The engine against its limits: ingest, merge, small packages, capture, memory, cost of a small change.

    python -m benchmarks.engine            # all
    python -m benchmarks.engine ingest     # one
"""

from __future__ import annotations

import gc
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import data, harness, peers
from benchmarks.field import Copies, bare, blocks_of, fill, inserted, opened
from exchange import ingest
from exchange.format.body import Item, read_body, write_body
from exchange.format.changeset import encode_changeset
from exchange.reading import changesets
from exchange.records import Block, ChangesetHead, Manifest, Position
from exchange.schema import SCHEMA
from exchange.school import confirming
from exchange.server.candidates import candidates
from exchange.server.intake import Intake
from exchange.server.taking import Taking
from exchange.store.server import Seen
from tests.life import PASSPHRASE, Life, Sekolah

SMALL_ROWS, SMALL_PACKAGES = 20, 60
"""Changed rows of a small package, and how many packages one run takes."""


@contextmanager
def _life() -> Iterator[Life]:
    folder = Path(tempfile.mkdtemp(prefix="kirim-bench-"))
    life = Life(folder)
    try:
        yield life
    finally:
        life.close()
        shutil.rmtree(folder, ignore_errors=True)


def _school(life: Life, bentuk: str, pupils: int, npsn: str = "00000001") -> Sekolah:
    school = life.school(npsn=npsn, bentuk=bentuk)
    made = data.school(bentuk, pupils)
    fill(school, data.full(bentuk, pupils), made.sekolah_id)
    return school


def _export(school: Sekolah) -> Path:
    """Export without validation: marks of made-up subjects are no codes of the shipped lists."""
    kept, confirming.validate = confirming.validate, lambda *_, **__: iter(())
    try:
        return school.export().file
    finally:
        confirming.validate = kept


def _seconds(run: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _ratio(base: Callable[[], float], other: Callable[[], float], pairs: int = 5) -> harness.Ratio:
    """Return base's seconds over the other's, pair by pair: which part of its speed the other one reaches."""
    kept = [(base(), other()) for _ in range(pairs + 1)][1:]
    return harness.Ratio(
        tuple(a / b for a, b in kept), statistics.median(a for a, _ in kept), statistics.median(b for _, b in kept)
    )


# --- large packages ---------------------------------------------------------------------------


def large() -> None:
    """A first export of an SMK of 2,000: from file to committed rows with log and receipt."""
    figures = []
    with _life() as life:
        school = _school(life, "SMK", 2_000)
        path = _export(school)
        blocks, copies = blocks_of(life.server, path), Copies(life)

        def base() -> float:
            home = copies.fresh()
            return _seconds(lambda: bare(home / "server.db", blocks, school.scope))

        def whole() -> float:
            node = copies.node()
            found = []
            taken = _seconds(lambda: found.append(ingest.ingest_paths(node, [path])))
            assert found[0].files[0].status == "applied", found[0].files
            node.close()
            return taken

        rows = sum(block.count for block in blocks)
        ratio = _ratio(base, whole)
        figures.append(harness.at_least(f"ingest of {rows:,} rows, rows/s against the bare upsert", ratio, 0.40))
    harness.report("ingest", "Ingest of a large package", figures)


def merge() -> None:
    """The merge step alone, 1% of the rows changed by the centre meanwhile."""
    figures = []
    with _life() as life:
        school = _school(life, "SMK", 2_000)
        life.ingest(_export(school))
        school.apply(life.answer(school).file)
        chance = random.Random(7)
        edited = {
            "peserta_didik": ("nomor_telepon_seluler", lambda n: f"0800{n:08d}"),
            "peserta_didik_longitudinal": ("tinggi_badan", lambda n: 100 + n % 80),
            "nilai_nilai_rapor": ("ket_kognitif", lambda n: f"Capaian {n}"),
        }
        centre: list[tuple[str, str, str, object]] = []
        for table, (column, value) in edited.items():
            keys = SCHEMA.by_name[table].key_names
            found = school.sql(f"SELECT {', '.join(keys)} FROM {table}")
            with school.node.store.db.transaction():
                for n, row in enumerate(found):
                    school.edit(table, "|".join(map(str, row)), **{column: value(n)})
                    if chance.random() < 0.01:
                        centre.append((table, "|".join(map(str, row)), column, value(n + 1)))
        life.change("dinas", centre)
        path = _export(school)
        blocks, copies = blocks_of(life.server, path), Copies(life)
        with opened(life.server, path) as package:
            _, items = read_body(package.body, SCHEMA.version)
            head = next(changesets(SCHEMA, school.scope, items)).head

        def base() -> float:
            home = copies.fresh()
            return _seconds(lambda: bare(home / "server.db", blocks, school.scope))

        def step() -> float:
            node = copies.node()
            taken = _seconds(lambda: _merge(node, school, head, blocks))
            node.close()
            return taken

        rows = sum(block.count for block in blocks)
        ratio = _ratio(base, step)
        figures.append(harness.at_least(f"merge step, {rows:,} rows, {len(centre)} in conflict", ratio, 0.80))
    harness.report("merge", "Merge step", figures)


def _merge(node, school: Sekolah, head: ChangesetHead, blocks: list[Block]) -> None:  # type: ignore[no-untyped-def]
    store = node.store
    with store.db.unkept(), store.db.transaction():  # as at intake, where the package itself is what is kept
        found = store.school(school.scope)
        taking = Taking(store, found, school.node.store.device, head, Seen(head.base.number), node.codes)
        for block in blocks:
            taking.block(block)
        assert taking.finish().counts.conflict


# --- small packages ---------------------------------------------------------------------------


def small() -> None:
    """Packages of 20 changed rows of as many schools, in one batch, against merely reading them into tuples."""
    figures = []
    with _life() as life:
        paths = []
        for n in range(SMALL_PACKAGES):
            school = life.school(npsn=f"{n + 1:08d}")
            people = [school.pupil(nama=f"SISWA {m}", alamat_jalan=f"Jalan {m}") for m in range(2 * SMALL_ROWS)]
            head = school.node.head(PASSPHRASE)
            school.node.head = lambda passphrase, head=head: head  # type: ignore[method-assign]
            school.round_trip()
            for m, person in enumerate(people[:SMALL_ROWS]):
                school.edit("peserta_didik", person, alamat_jalan=f"Jalan Baru {m}")
            paths.append(school.export().file)
        copies = Copies(life)

        def read() -> float:
            def run() -> None:
                for path in paths:
                    with opened(life.server, path) as package:
                        _, items = read_body(package.body, SCHEMA.version)
                        for found in changesets(SCHEMA, school.scope, items):
                            for block in found.blocks:
                                list(zip(*block.values, strict=True))

            return _seconds(run)

        def phase(which: str) -> Callable[[], float]:
            def run() -> float:
                node = copies.node()
                stages = _Stages(node)
                total = _seconds(lambda: stages.take(candidates(paths)))
                node.close()
                return {"accept": stages.accepted, "merge": stages.merged, "whole": total}[which]

            return run

        for which, words, bar in (
            ("accept", "accepted: verified and kept", 0.75),
            ("merge", "merged, durable by group commit", 0.30),
        ):
            figures.append(harness.at_least(f"{SMALL_ROWS} changed rows, {words}", _ratio(read, phase(which)), bar))
        figures.append(harness.Figure("the same, archived as well", f"{_ratio(read, phase('whole'))} x"))
    harness.report("small", "Small packages, against merely reading them", figures)


class _Stages(Intake):
    """An intake that notes when each stage of a batch was durable."""

    accepted = merged = 0.0

    def take(self, given):  # type: ignore[no-untyped-def, override]
        self._start = time.perf_counter()
        return super().take(given)

    def stage(self, name: str) -> None:
        setattr(self, name, time.perf_counter() - self._start)


# --- capture ----------------------------------------------------------------------------------


def capture() -> None:
    """Edits with capture on, against the same edits with capture off; ``synchronous=FULL``."""
    figures = []
    with _life() as life:
        school = _school(life, "SD", 250)
        db = school.node.store.db
        ids = [row[0] for row in school.sql("SELECT peserta_didik_id FROM peserta_didik")]
        db.execute("DELETE FROM kirim_before_peserta_didik")
        turn = [0]

        def single(on: int) -> float:
            db.execute("UPDATE kirim_capture SET on_now = ?", (on,))
            turn[0] += 1

            def run() -> None:
                for one in ids:
                    db.execute("UPDATE peserta_didik SET nomor_telepon_seluler = ? WHERE peserta_didik_id = ?", (turn[0], one))

            taken = _seconds(run)
            db.execute("DELETE FROM kirim_before_peserta_didik")
            return taken

        def bulk(on: int) -> float:
            db.execute("UPDATE kirim_capture SET on_now = ?", (on,))
            turn[0] += 1
            sql = "UPDATE peserta_didik SET nomor_telepon_seluler = ?"
            taken = _seconds(lambda: db.execute(sql, (turn[0],)))
            db.execute("DELETE FROM kirim_before_peserta_didik")
            return taken

        for words, run, bar in (("a single edit", single, 1.3), ("a bulk edit", bulk, 5.0)):
            ratio = _ratio(lambda run=run: run(1), lambda run=run: run(0), 9)
            figures.append(harness.at_most(f"{words}, captured against not", ratio, bar))
    harness.report("capture", "Capture", figures)


# --- memory and cost --------------------------------------------------------------------------

_INGEST = """
from pathlib import Path
from exchange.ingest import ingest_paths
from exchange.nodes import ServerNode
node = ServerNode.open(Path(sys.argv[1]))
found = ingest_paths(node, [Path(sys.argv[2])])
assert found.files[0].status == "applied", found.files
"""


def memory() -> None:
    """Peak memory of an ingest, for a school and for one ten times as large."""
    figures, peaks = [], []
    for pupils in (2_000, 20_000):
        with _life() as life:
            school = _school(life, "SMK", pupils)
            path = _export(school)
            life.server.close()
            peaks.append(harness.peak_memory(_INGEST, str(life.server.home), str(path)))
            life.server = type(life.server).open(life.server.home, clock=life.clock)
            size = path.stat().st_size
        met = peaks[-1] < 256 * 1024 * 1024
        figures.append(
            harness.Figure(f"ingest of {pupils:,} pupils, {size:,} bytes", f"{peaks[-1] / 1048576:.0f} MiB", "< 256 MiB", met)
        )
    growth = peaks[1] / peaks[0]
    figures.append(harness.Figure("ten times the file", f"{growth:.2f} x the memory", "≤ 1.5 x", growth <= 1.5))
    harness.report("memory", "Memory", figures)


def small_in_large() -> None:
    """A 20-row package in an empty store and in one 100 times as large."""
    medians = []
    for others in (1, 100):
        with _life() as life:
            school = life.school(npsn="00000001")
            people = [school.pupil(nama=f"SISWA {m}") for m in range(SMALL_ROWS)]
            school.round_trip()
            _crowd(life, others * 250)
            times = []
            for turn in range(9):
                for m, person in enumerate(people):
                    school.edit("peserta_didik", person, alamat_jalan=f"Jalan {turn} {m}")
                path = school.export().file
                times.append(_seconds(lambda path=path: life.ingest(path)))
                school.apply(life.answer(school).file)
            medians.append(statistics.median(times))
    growth = medians[1] / medians[0]
    figure = harness.Figure("a 20-row package in a store 100 times as large", f"{growth:.2f} x", "≤ 1.25 x", growth <= 1.25)
    harness.report("growth", "Cost follows the change", [figure])


def _crowd(life: Life, pupils: int) -> None:
    """Fill the server's table with other schools' pupils."""
    made = data.full("SD", 250)["peserta_didik"]
    columns, rows = made
    names = [*columns, "kirim_home"]
    marks = ", ".join("?" * len(names))
    life.server.store.db.executemany(
        f"INSERT INTO peserta_didik ({', '.join(names)}) VALUES ({marks})",
        (
            (f"{n:08x}-0000-4000-8000-000000000000", *rows[n % len(rows)][1:], f"{n // 250:08x}-0000-4000-8000-000000000001")
            for n in range(pupils)
        ),
    )


def start() -> None:
    """Start-up of the commands that are run most, against a bare interpreter."""
    figures = []
    with _life() as life:
        school = life.school()
        for words in (["--version"], ["--help"], ["school", "status", "--home", str(school.home)]):
            ratio = _ratio(
                lambda words=words: harness.started(["-m", "exchange", *words]),
                lambda: harness.started(["-I", "-c", "pass"]),
                9,
            )
            figures.append(harness.at_most(f"kirim {' '.join(words[:2])} against a bare interpreter", ratio, 6.0))
    harness.report("start", "Start-up", figures)


def sizes() -> None:
    """Bytes of whole exports and rollovers, against the best of the peers under zstd 19."""
    figures = []
    bars = {"SD, 250 pupils": 0.60, "SMK, 2,000 pupils": 0.60, "SD rollover": 0.35, "SMK rollover": 0.35}
    scope = "0f0c0000-0000-4000-8000-000000000001"
    for name, bar in bars.items():
        tables = data.SETS[name]()
        parts = encode_changeset(SCHEMA, scope, ChangesetHead(1, Position(0, bytes(8))), inserted(tables))
        manifest = Manifest(SCHEMA.version, "0.1.0", 0, Position(0, bytes(8)), Position(0, bytes(8)), 1)
        items = ((Item.BLOCK if n else Item.HEAD, part) for n, part in enumerate(parts))
        ours = sum(map(len, write_body(manifest, items)))
        best = peers.best(peers.sizes(SCHEMA, tables))
        ratio = ours / best
        words = f"{name}: {ours:,} bytes of ours, {best:,} of the best peer"
        figures.append(harness.Figure(words, f"{ratio:.3f}", f"≤ {bar:g}", ratio <= bar))
    harness.report("bytes", "Bytes", figures)


BENCHMARKS = {
    "bytes": sizes,
    "ingest": large, "merge": merge, "small": small, "capture": capture, "memory": memory, "growth": small_in_large,
    "start": start,
}  # fmt: skip


if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()
