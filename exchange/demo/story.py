"""The whole main job on made-up schools: export, carry, ingest, merge, return, apply, and look.

A PAUD, an SD and an SMK that nobody has ever heard of play the story that an operator told in 2016: no change of his
own, ten rows came in, and where a KPS number had stood, the downloaded list shows a KIP. Every step is a real command
on real files.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange import errors
from exchange.demo.madeup import (
    MadeUpSchool,
    kip_list,
    write_daftar_guru,
    write_daftar_pd,
    write_daftar_tendik,
    write_kip_csv,
)
from exchange.store.database import open_sqlite
from exchange.words import tr

PASSPHRASE = "kepala sekolah contoh"  # noqa: S105 of made-up heads, on made-up laptops
"""Of the made-up heads. A real one is known to the head alone."""

SCHOOLS = (("TK", 40), ("SD", 250), ("SMK", 2_000))
"""Kind and number of pupils of each made-up school."""

KIP_ROWS = 10
"""Pupils on the SK list, as in the operator's story."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """One made-up school and its laptop."""

    school: MadeUpSchool
    home: Path
    head: str

    @property
    def npsn(self) -> str:
        """Its NPSN."""
        return self.school.npsn


class StoryError(RuntimeError):
    """A command of the story did not do what the story needs; its words say which."""


def kirim(*arguments: str | Path, allowed: Sequence[int] = (0,)) -> dict[str, Any]:
    """Run one command of ours and return what it prints with ``--json``.

    Args:
        arguments: As on a command line.
        allowed: Exit statuses that the story expects.
    """
    from exchange.cli import main

    out = io.StringIO()
    status: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            main([*map(str, arguments), "--json"])
        except SystemExit as end:
            status = end.code or 0
    if status not in allowed:
        if '"KF-113"' in out.getvalue():  # somebody pressed Ctrl-C, and the command ended as it should
            raise KeyboardInterrupt
        raise StoryError(f"kirim {' '.join(map(str, arguments))}: {status}\n{out.getvalue()}")
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def run(folder: Path, say: Say = print) -> dict[str, Any]:
    """Play the story in an empty folder and return its figures.

    Args:
        folder: Made if it is missing.
        say: Takes each line for people.

    Raises:
        HomeExists: KF-102, the folder is not empty.
        StoryError: a command did not do what the story needs.
    """
    if folder.exists() and any(folder.iterdir()):
        raise errors.HomeExists(home=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    with _secrets(folder):
        story = _Story(folder.absolute(), say)
        story.enrol()
        story.first_export()
        story.first_return()
        story.both_sides_change()
        story.second_round()
        story.look()
        return story.figures


@contextlib.contextmanager
def _secrets(folder: Path) -> Iterator[None]:
    """Hand the made-up heads' passphrase to the commands, by a file as scripts do, never on a command line."""
    path = folder / "sandi.txt"
    path.write_text(PASSPHRASE + "\n", encoding="utf-8")
    os.chmod(path, 0o600)
    yield


class _Story:
    def __init__(self, folder: Path, say: Say) -> None:
        self.folder, self.say = folder, say
        self.server = folder / "pusat"
        self.passphrase = folder / "sandi.txt"
        self.places = [
            Place(school, folder / f"sekolah-{school.npsn}", f"KEPALA CONTOH {bentuk}")
            for n, (bentuk, pupils) in enumerate(SCHOOLS)
            for school in [MadeUpSchool(bentuk, pupils, seed=n + 1)]
        ]
        self.sd = self.places[1]
        self.figures: dict[str, Any] = {}
        self.sk = kip_list(self.sd.school, KIP_ROWS)
        self._held: dict[str, str] = {}
        self._step = 0

    def step(self, title: str) -> None:
        """Begin a step."""
        self._step += 1
        self.say(f"\n{self._step}. {title}")

    # --- the story ----------------------------------------------------------------------------

    def enrol(self) -> None:
        """The dinas registers three schools; each opens its prefill with its code."""
        self.step(tr("The server is set up and three schools are registered"))
        made = kirim("server", "init", "--home", self.server)
        self.say(tr("   server's fingerprint: {fingerprint}").format(**made))
        listed = self.folder / "sekolah.csv"
        with listed.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("npsn", "name", "bentuk", "head"))
            writer.writerows((p.npsn, p.school.nama, p.school.bentuk, p.head) for p in self.places)
        added = kirim("server", "school", "add", "--home", self.server, "--file", listed)
        by_npsn = {one["npsn"]: one for one in added["schools"]}
        for place in self.places:
            one = by_npsn[place.npsn]
            opened = kirim(
                "school",
                "init",
                one["prefill"],
                "--home",
                place.home,
                "--code-file",
                one["code_file"],
                "--passphrase-file",
                self.passphrase,
            )
            self.say(f"   {opened['npsn']} {opened['nama']}: {_counts(opened['rows'])}")

    def first_export(self) -> None:
        """Each school imports the Excel downloads that its operator has, and exports."""
        self.step(tr("Each school imports its Excel lists and exports; the files travel in one ZIP"))
        exported = []
        for place in self.places:
            lists = place.home / "excel"
            lists.mkdir()
            write_daftar_pd(lists / "daftar-pd.xlsx", place.school)
            write_daftar_guru(lists / "daftar-guru.xlsx", place.school)
            write_daftar_tendik(lists / "daftar-tendik.xlsx", place.school)
            taken = kirim("school", "import", *sorted(lists.iterdir()), "--home", place.home)
            checked = kirim("school", "validate", "--home", place.home)
            package = self.export(place)
            exported.append(package["file"])
            rows = sum(table["inserted"] for table in taken["tables"].values())
            self.say(
                tr("   {npsn}: {rows} rows from Excel, {invalid} invalid, {warning} warnings").format(
                    npsn=place.npsn, rows=rows, invalid=checked["invalid"], warning=checked["warning"]
                )
            )
            self.say(self.told(package))
        bundle = self.folder / "flashdisk.zip"
        with zipfile.ZipFile(bundle, "w") as archive:
            for file in exported:
                archive.write(file, Path(file).name)
        report = kirim("server", "ingest", bundle, "--home", self.server)
        self.say(
            tr("   the district takes the ZIP: {applied} applied, {held} held, {quarantined} quarantined").format(
                **report
            )
        )
        for file in report["files"]:
            self.say(f"      {Path(file['file']).name.rsplit(':', 1)[-1]}: {_outcome(file['changes'])}")
        self.figures["first"] = report

    def first_return(self) -> None:
        """The server answers; the schools apply. Nothing of theirs is waiting any more."""
        self.step(tr("Returns go back and are applied"))
        for written in kirim("server", "return", "--all", "--home", self.server)["written"]:
            place = next(p for p in self.places if p.npsn == written["npsn"])
            applied = kirim("school", "apply", written["file"], "--home", place.home)
            pending = kirim("school", "status", "--home", place.home)["pending"]
            self.say(
                tr("   {file}: {bytes} bytes, acknowledged up to change {n}, {left} pending").format(
                    file=Path(written["file"]).name,
                    bytes=Path(written["file"]).stat().st_size,
                    n=applied["acknowledged"],
                    left=sum(sum(ops.values()) for ops in pending.values()),
                )
            )

    def both_sides_change(self) -> None:
        """Without knowing of one another, the centre and the SD change the same things: each policy once."""
        self.step(tr("The centre and the SD change the same things, each without knowing of the other"))
        db = open_sqlite(self.sd.home / "sekolah.db")
        pupils = [
            row[0]
            for row in db.execute(
                "SELECT peserta_didik_id FROM peserta_didik WHERE penerima_kip = 0 AND "
                "penerima_kps = 0 ORDER BY nama, peserta_didik_id LIMIT 6"
            )
        ]
        card = db.value("SELECT peserta_didik_id FROM peserta_didik WHERE nik = ?", (self.sk[0]["nik"],))
        named, addressed, banked, gone, moved = pupils[:5]
        head = db.value("SELECT ptk_id FROM tugas_tambahan WHERE jabatan_ptk_id = 2")
        self._held = {"card": card, "named": named, "banked": banked, "head": head}
        lines = {
            "verval": [
                ("peserta_didik", named, "nama", "NAMA MENURUT VERVAL", "1"),
                ("peserta_didik", gone, "nama", "MURID YANG DIHAPUS", "1"),
            ],
            "dinas": [
                ("peserta_didik", addressed, "alamat_jalan", "Jalan Dinas 1", ""),
                ("ptk", head, "status_kepegawaian_id", "4", ""),
                ("peserta_didik_longitudinal", self._longitudinal(db, moved), "tinggi_badan", "101", ""),
            ],
            "pusat": [("peserta_didik", banked, "rekening_bank", "9900112233", "")],
        }
        for who, given in lines.items():
            path = self.folder / f"ubah-{who}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(("table", "id", "column", "value", "verified"))
                writer.writerows(given)
            changed = kirim("server", "change", "--as", who, path, "--home", self.server)
            self.say(tr("   {who}: {changed} rows changed at the centre").format(who=who, **changed))
        # Any program may write to the school's store; here it is plain SQL, as a third-party tool does it.
        with db.transaction():
            for table, key, row, column, value in (
                ("peserta_didik", "peserta_didik_id", named, "nama", "NAMA MENURUT SEKOLAH"),
                ("peserta_didik", "peserta_didik_id", addressed, "alamat_jalan", "Jalan Sekolah 2"),
                ("peserta_didik", "peserta_didik_id", banked, "rekening_bank", "1234567890"),
                ("ptk", "ptk_id", head, "status_kepegawaian_id", 8),
                ("peserta_didik", "peserta_didik_id", gone, "soft_delete", 1),
                ("peserta_didik", "peserta_didik_id", card, "no_kps", "KPS-BARU-1"),
                ("peserta_didik_longitudinal", "peserta_didik_id", moved, "soft_delete", 1),
            ):
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, row))
        db.close()
        self.say(tr("   the SD edits the same rows on its laptop, deletes a pupil and changes a KPS number"))

    def _longitudinal(self, db: Any, pupil: str) -> str:
        semester = db.value("SELECT semester_id FROM peserta_didik_longitudinal WHERE peserta_didik_id = ?", (pupil,))
        return f"{pupil}|{semester}"

    def second_round(self) -> None:
        """An SK list comes in, the SD's package arrives, both meet; the return tells what became of each."""
        self.step(tr("An SK list with ten KIP numbers comes in, and the SD's package arrives"))
        before = self._download("daftar-pd-sebelum.xlsx")
        sk = self.folder / "sk-kip.csv"
        write_kip_csv(sk, self.sk)
        pushed = kirim("server", "kip", "import", sk, "--home", self.server)
        self.say(
            tr("   SK list: {matched} matched, {waiting} unmatched, {schools} schools").format(
                waiting=len(pushed["unmatched"]), **{k: pushed[k] for k in ("matched", "schools")}
            )
        )
        package = self.export(self.sd)
        self.say(self.told(package))
        report = kirim("server", "ingest", package["file"], "--home", self.server)
        self.say(f"   {_outcome(report['files'][0]['changes'])}")
        written = kirim("server", "return", "--npsn", self.sd.npsn, "--home", self.server)["written"][0]
        applied = kirim("school", "apply", written["file"], "--home", self.sd.home)
        self.say(tr("   Incoming changes: {counts}").format(counts=_counts(applied["incoming"])))
        for line in (*applied["conflicts"], *applied["refused"]):
            self.say(_line(line))
        self.figures |= {"kip": pushed, "second": report, "applied": applied, "before": before}
        # What the centre has set is known at the school by now; an edit of it does not stand, each policy by its own
        # reason.
        db = open_sqlite(self.sd.home / "sekolah.db")
        with db.transaction():
            for table, column, value, row in (
                ("peserta_didik", "no_kip", "XX99XX", self._held["card"]),
                ("peserta_didik", "nama", "NAMA LAIN LAGI", self._held["named"]),
                ("peserta_didik", "rekening_bank", "1234567890", self._held["banked"]),
                ("ptk", "status_kepegawaian_id", 8, self._held["head"]),
            ):
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {table}_id = ?", (value, row))
        db.close()
        again = self.export(self.sd)
        told = kirim("server", "ingest", again["file"], "--home", self.server)
        written = kirim("server", "return", "--npsn", self.sd.npsn, "--home", self.server)["written"][0]
        back = kirim("school", "apply", written["file"], "--home", self.sd.home)
        self.say(
            tr("   the SD overwrites what only the centre may set: {outcome}").format(
                outcome=_outcome(told["files"][0]["changes"])
            )
        )
        for line in back["refused"]:
            self.say(_line(line))
        self.figures["refused"] = back["refused"]

    def look(self) -> None:
        """The operator downloads the list and looks where the KPS numbers stood."""
        self.step(tr("The operator downloads Daftar Peserta Didik and looks"))
        before, after = self.figures.pop("before"), self._download("daftar-pd-sesudah.xlsx")
        shown = 0
        for key, new in sorted(after.items()):
            old = before.get(key, {})
            if new["Nomor KIP"] and old.get("Nomor KIP") != new["Nomor KIP"]:
                shown += 1
                self.say(f"   {new['Nama'][:28]:<28} KPS {old.get('No. KPS') or '-':<12} -> KIP {new.get('Nomor KIP')}")
        self.figures["kip_rows"] = shown
        self.say(tr("   {count} pupils show a KIP number that was not there before").format(count=shown))

    # --- small things -------------------------------------------------------------------------

    def export(self, place: Place) -> dict[str, Any]:
        """Export as a script does."""
        return kirim("school", "export", "--confirm", "--home", place.home, "--passphrase-file", self.passphrase)

    def told(self, package: Mapping[str, Any]) -> str:
        """Say what a package is."""
        rows = sum(sum(ops.values()) for ops in package["changes"].values())
        return tr("   {file}: {bytes} bytes, {rows} rows").format(
            file=Path(package["file"]).name, bytes=package["bytes"], rows=rows
        )

    def _download(self, name: str) -> dict[str, dict[str, str]]:
        """Download the list and read it back by NISN and name, as the operator's eyes do."""
        from exchange.interop.workbook import read_sheet

        path = self.sd.home / "excel" / name
        kirim("school", "download", "daftar-pd", path, "--home", self.sd.home)
        rows = read_sheet(path)
        header = [str(cell or "") for cell in rows[4]]
        wanted = {title: header.index(title) for title in ("Nama", "NIK", "No. KPS", "Nomor KIP")}
        found = ({title: str(row[n] or "") for title, n in wanted.items()} for row in rows[6:])
        return {row["NIK"]: row for row in found}


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{table} {count}" for table, count in rows.items() if count) or tr("nothing")


def _outcome(changes: Mapping[str, int]) -> str:
    return tr(
        "{sent} changes: {applied} applied, {same} same, {conflict} conflict, {refused} refused, {held} held"
    ).format(**changes)


def _line(line: Mapping[str, Any]) -> str:
    what = tr(errors.REGISTRY[line["code"]].what)
    if line["group"] is None:
        return f"   {line['code']} {line['table']} {line['id'][:8]}: {what}"
    own = ", ".join(str(value) for value in line["own"] if value is not None) or "-"
    other = ", ".join(str(value) for value in line["other"] if value is not None) or "-"
    return f"   {line['code']} {line['table']} {line['group']}: {own} | {other} - {what}"
