"""The watcher with a real folder, a real thread and real events; and look by look, where time would decide."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exchange import errors
from exchange.ingest import FileResult, ingest_paths
from exchange.nodes import ServerNode
from exchange.packager import Returned
from exchange.server.intake import Intake
from exchange.watch import PATIENCE_LOOKS, Watcher
from tests.faults.badfiles import PHOTOGRAPH, bad_files, zipped
from tests.faults.world import archived, files
from tests.flow.test_intake import put, reasons
from tests.life import Life, Sekolah, equal

_SOON_SECONDS = 60.0
"""After so long something is broken; nothing waits for it otherwise."""


class Watching:
    """A watcher that runs in a thread of its own, with its own connection, as the command does."""

    def __init__(self, life: Life) -> None:
        self.life, self.stop = life, threading.Event()
        self.files: list[FileResult] = []
        self.returns: list[Returned] = []
        self.troubles: list[errors.ExchangeError] = []
        self.fault: list[BaseException] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        server = ServerNode.open(self.life.server.home, clock=self.life.clock)
        try:
            Watcher(server, self.files.append, self.returns.append, self.troubles.append).run(self.stop)
        except BaseException as error:
            self.fault.append(error)
        finally:
            server.close()

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true."""
        end = time.monotonic() + _SOON_SECONDS
        while not true():
            assert not self.fault, self.fault
            assert time.monotonic() < end, (self.files, self.returns, self.troubles)
            time.sleep(0.02)


@contextmanager
def watching(life: Life) -> Iterator[Watching]:
    """Run a watcher, and stop it."""
    made = Watching(life)
    made.thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        made.thread.join(_SOON_SECONDS)
        assert not made.thread.is_alive()
        assert not made.fault


def inbox(life: Life) -> Path:
    """Return the server's inbox."""
    return life.server.home / "inbox"


# --- running ----------------------------------------------------------------------------------


def test_a_package_in_the_inbox_is_merged_archived_and_answered(life: Life, school: Sekolah) -> None:
    """Copied in while it watches; the return in the outbox closes the round trip."""
    with watching(life) as watcher:
        put(inbox(life), "apa saja", school.export().file.read_bytes())
        watcher.until(lambda: len(watcher.returns) == 1)
    assert [(r.status, r.npsn) for r in watcher.files] == [("applied", "00000001")]
    assert files(inbox(life)) == {}
    assert len(archived(life.server.home)) == 1
    (answer,) = (life.server.home / "outbox" / "00000001").glob("BALASAN-*.kirim")
    school.apply(answer)
    assert equal(school)


def test_what_lay_there_before_it_started_is_taken(life: Life, school: Sekolah) -> None:
    """Starting up is the same as being notified."""
    put(inbox(life), "a", school.export().file.read_bytes())
    with watching(life) as watcher:
        watcher.until(lambda: len(watcher.returns) == 1)
    assert files(inbox(life)) == {}


def test_every_bad_file_is_refused_while_it_runs_and_it_goes_on(life: Life, school: Sekolah, other: Sekolah) -> None:
    """Thirty spoilt files, a pipe, a socket, a link to nowhere; then a good package, which is merged and answered."""
    bad = bad_files(life, school, school.export().file.read_bytes())
    with watching(life) as watcher:
        os.mkfifo(inbox(life) / "pipa")
        (inbox(life) / "tautan").symlink_to("/tidak/ada")
        here = Path.cwd()
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(inbox(life))
            server.bind("soket")
            os.chdir(here)
            for name, (data, _) in bad.items():
                put(inbox(life), name, data)
            watcher.until(lambda: len(watcher.files) >= len(bad) + 3)
            put(inbox(life), "baik", other.export().file.read_bytes())
            watcher.until(lambda: any(r.status == "applied" for r in watcher.files))
            watcher.until(lambda: any(r.npsn == "00000002" for r in watcher.returns))
    told = {Path(r.file).name: r.code for r in watcher.files}
    unread = {"pipa": "KF-702", "soket": "KF-702", "tautan": "KF-702"}
    assert told == {name: code for name, (_, code) in bad.items()} | unread | {"baik": ""}
    assert len(watcher.files) == len(bad) + 4
    assert {name: reason["code"] for name, reason in reasons(life).items()} == {n: c for n, (_, c) in bad.items()}
    assert sorted(path.name for path in inbox(life).iterdir()) == sorted(unread)


def test_folders_and_zips_in_the_inbox_are_taken_and_go(life: Life, school: Sekolah, other: Sekolah) -> None:
    """A ZIP goes when all of it is durable, a folder when it is empty."""
    with watching(life) as watcher:
        put(inbox(life) / "kec" / "sd", "x.zip", zipped([("a", school.export().file.read_bytes()), ("b", PHOTOGRAPH)]))
        put(inbox(life) / "kec", "y", other.export().file.read_bytes())
        watcher.until(lambda: len(watcher.returns) == 2)
        watcher.until(lambda: files(inbox(life)) == {})
    assert sorted(r.status for r in watcher.files) == ["applied", "applied", "quarantined"]
    Watcher(life.server).look(everything=True)
    assert list(inbox(life).iterdir()) == []


def test_a_repeat_is_answered_too(life: Life, school: Sekolah) -> None:
    """The return was lost on its way; the school sends the same file again and gets another one."""
    data = school.export().file.read_bytes()
    with watching(life) as watcher:
        put(inbox(life), "a", data)
        watcher.until(lambda: len(watcher.returns) == 1)
        put(inbox(life), "b", data)
        watcher.until(lambda: len(watcher.returns) == 2)
    assert [r.status for r in watcher.files] == ["applied", "duplicate"]
    school.apply(watcher.returns[1].file)
    assert equal(school)


def test_it_pauses_when_the_database_is_in_use_and_goes_on_by_itself(
    life: Life, school: Sekolah, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds it; the file stays in the inbox until it is merged."""
    monkeypatch.setattr("exchange.watch.LOOK_SECONDS", 0.3)
    monkeypatch.setattr("exchange.store.database.BUSY_SECONDS", 0.2)
    data = school.export().file.read_bytes()
    with watching(life) as watcher:
        life.server.store.db.execute("BEGIN IMMEDIATE")
        put(inbox(life), "a", data)
        watcher.until(lambda: len(watcher.troubles) > 0)
        assert files(inbox(life)).keys() == {"a"}
        life.server.store.db.execute("ROLLBACK")
        watcher.until(lambda: len(watcher.returns) == 1)
    assert {error.code for error in watcher.troubles} == {"KF-601"}
    assert [r.status for r in watcher.files] == ["applied"]


def test_two_watchers_and_an_ingest_at_once_merge_each_package_once(life: Life, school: Sekolah, other: Sekolah) -> None:
    """Whoever comes first: nothing is merged twice, nothing is lost, and no file is called unreadable."""
    data = [school.export().file.read_bytes(), other.export().file.read_bytes()]
    with watching(life) as first, watching(life) as second:
        for n in range(20):
            path = put(inbox(life), f".{n:02}", data[n % 2] if n < 10 else b"%d" % n)
            path.rename(inbox(life) / f"{n:02}")
        ingest_paths(life.server, [put(life.folder / "usb", "z", data[0])])
        first.until(lambda: files(inbox(life)) == {})
        first.until(lambda: len({r.npsn for r in (*first.returns, *second.returns)}) == 2)
    told = [*first.files, *second.files]
    assert {r.code for r in told} == {"", "KF-201"}
    assert life.server.store.db.execute("SELECT state, count(*) FROM kirim_package GROUP BY state").fetchall() == [("merged", 2)]
    assert sum(r.counts.applied for r in told) <= 2
    assert len(archived(life.server.home)) == 2
    assert files(life.server.home / "held") == {}
    assert equal(school)
    assert equal(other)


def test_it_stops_at_once_when_told(life: Life) -> None:
    """In the middle of its long wait."""
    watcher = Watching(life)
    watcher.thread.start()
    time.sleep(0.5)
    watcher.stop.set()
    watcher.thread.join(5)
    assert not watcher.thread.is_alive()


def test_a_missing_inbox_is_trouble_and_no_end(life: Life, school: Sekolah, monkeypatch: pytest.MonkeyPatch) -> None:
    """The share was not mounted; when it is there again, the work goes on."""
    monkeypatch.setattr("exchange.watch.LOOK_SECONDS", 0.3)
    inbox(life).rmdir()
    with watching(life) as watcher:
        watcher.until(lambda: len(watcher.troubles) > 0)
        put(inbox(life), "a", school.export().file.read_bytes())
        watcher.until(lambda: len(watcher.returns) == 1)
    assert {error.code for error in watcher.troubles} == {"KF-702"}


# --- look by look -----------------------------------------------------------------------------


def test_a_file_is_taken_at_the_second_look_at_which_it_stands_still(life: Life, school: Sekolah) -> None:
    """It grows, stops, and is whole."""
    data = school.export().file.read_bytes()
    watcher = Watcher(life.server)
    path = put(inbox(life), "a", data[:100])
    assert watcher.look().files == []
    with path.open("ab") as file:
        file.write(data[100:])
    assert watcher.look().files == []
    assert [r.status for r in watcher.look().files] == ["applied"]


def test_a_copy_that_pauses_is_not_called_cut(life: Life, school: Sekolah) -> None:
    """It stands still for a few looks, short of its announced end; then the rest comes."""
    data = school.export().file.read_bytes()
    watcher = Watcher(life.server)
    path = put(inbox(life), "a", data[:100])
    for _ in range(PATIENCE_LOOKS):
        assert watcher.look().files == []
    with path.open("ab") as file:
        file.write(data[100:])
    watcher.look()
    assert [r.status for r in watcher.look().files] == ["applied"]
    assert files(life.server.home / "quarantine") == {}


@pytest.mark.parametrize("cut", [lambda data: data[:100], lambda data: zipped([("a", data)])[:100]])
def test_a_copy_that_never_goes_on_is_refused_in_the_end(
    life: Life, school: Sekolah, cut: Callable[[bytes], bytes]
) -> None:
    """The stick was pulled out."""
    watcher = Watcher(life.server)
    put(inbox(life), "a", cut(school.export().file.read_bytes()))
    told = [watcher.look().files for _ in range(PATIENCE_LOOKS + 2)]
    assert [r.status for results in told for r in results] == ["quarantined"]
    assert files(inbox(life)) == {}


def test_everything_at_once_takes_what_lies_there_now(life: Life, school: Sekolah) -> None:
    """As ``--once`` does."""
    put(inbox(life), "a", school.export().file.read_bytes())
    put(inbox(life) / "kec", "b", b"\x89KRM")
    assert [r.status for r in Watcher(life.server).look(everything=True).files] == ["applied", "quarantined"]
    assert list(inbox(life).iterdir()) == []


def test_a_file_that_changes_while_it_is_taken_stays_for_the_next_look(life: Life, school: Sekolah, other: Sekolah) -> None:
    """Under the same name another file comes while the first is being merged: it is not removed unseen."""
    first, second = school.export().file.read_bytes(), other.export().file.read_bytes()
    path = put(inbox(life), "a", first)

    def swap(result: FileResult) -> None:
        if result.file.endswith("/0"):
            put(inbox(life), "a", second)

    put(inbox(life), "0", b"x")  # told just before "a" would be removed
    watcher = Watcher(life.server, swap)
    assert [r.status for r in watcher.look(everything=True).files] == ["quarantined", "applied"]
    assert path.read_bytes() == second
    assert [r.npsn for r in watcher.look(everything=True).files] == ["00000002"]
    assert equal(school)
    assert equal(other)


def test_a_file_that_vanishes_between_listing_and_opening_is_nothing(life: Life) -> None:
    """Another program took it: it is neither refused nor told."""
    put(inbox(life), "a", b"x")
    put(inbox(life), "b", b"y")

    def take(result: FileResult) -> None:
        (inbox(life) / "b").unlink(missing_ok=True)

    watcher = Watcher(life.server, take)
    listed = watcher._candidates(True, None)
    def one_by_one() -> Iterator[object]:
        for candidate in listed:
            (inbox(life) / "b").unlink(missing_ok=True)
            yield candidate

    results = Intake(life.server, unattended=True).take(one_by_one())  # type: ignore[arg-type]
    assert [Path(r.file).name for r in results] == ["a"]


def test_what_cannot_be_read_stays_and_is_told_once(life: Life) -> None:
    """It may be readable tomorrow; until then one line is enough."""
    (inbox(life) / "a").symlink_to("/proc/self/mem")
    watcher = Watcher(life.server)
    told = [watcher.look(everything=True).files for _ in range(3)]
    assert [[r.code for r in results] for results in told] == [["KF-702"], [], []]
    assert (inbox(life) / "a").is_symlink()


def test_a_link_to_a_folder_is_not_followed_out_of_the_inbox(life: Life) -> None:
    """What lies elsewhere is not ours to empty."""
    put(life.folder / "milik orang", "b", PHOTOGRAPH)
    (inbox(life) / "tautan").symlink_to(life.folder / "milik orang")
    assert Watcher(life.server).look(everything=True).files == []
    assert files(life.folder / "milik orang").keys() == {"b"}


def test_a_file_beyond_the_limit_moves_to_quarantine(life: Life) -> None:
    """It takes no second place on the disk."""
    with (inbox(life) / "besar").open("wb") as file:
        file.truncate(513 << 20)
    (result,) = Watcher(life.server).look(everything=True).files
    assert (result.status, result.code) == ("quarantined", "KF-207")
    assert list(inbox(life).iterdir()) == []
    assert sorted(p.suffix for p in (life.server.home / "quarantine").iterdir()) == [".json", ".kirim"]


def test_a_stop_between_files_leaves_the_rest(life: Life) -> None:
    """What was begun is finished; the rest is for the next start."""
    stop = threading.Event()
    stop.set()
    put(inbox(life), "a", PHOTOGRAPH)
    assert Watcher(life.server).look(everything=True, stop=stop).files == []
    assert files(inbox(life)).keys() == {"a"}


def test_a_return_that_could_not_be_written_is_still_owed_after_a_restart(life: Life, school: Sekolah) -> None:
    """The outbox was no folder when the package was merged."""
    outbox = life.server.home / "outbox" / "00000001"
    outbox.rename(life.folder / "sementara")
    outbox.write_bytes(b"")
    put(inbox(life), "a", school.export().file.read_bytes())
    with pytest.raises(errors.FolderUnwritable):
        Watcher(life.server).look(everything=True)
    outbox.unlink()
    (written,) = Watcher(life.server).look(everything=True).returns
    school.apply(written.file)
    assert equal(school)
    assert Watcher(life.server).look(everything=True).returns == []


def test_a_plain_ingest_owes_no_return(life: Life, school: Sekolah) -> None:
    """Whoever ingests by hand writes returns by hand."""
    life.ingest(school.export().file)
    assert Watcher(life.server).look(everything=True).returns == []


def test_released_packages_are_told(life: Life, school: Sekolah) -> None:
    """One line for the file that closed the gap, one for the file that had waited."""
    first = school.export().file.read_bytes()
    school.pupil()
    school.node.store.set(acknowledged=school.node.store.last)
    second = school.export().file.read_bytes()
    watcher = Watcher(life.server)
    put(inbox(life), "dua", second)
    assert [r.status for r in watcher.look(everything=True).files] == ["held"]
    put(inbox(life), "satu", first)
    told = watcher.look(everything=True)
    assert sorted((Path(r.file).name, r.status) for r in told.files) == [("dua", "applied"), ("satu", "applied")]
    assert len(told.returns) == 1


def test_a_school_that_cannot_be_answered_keeps_nobody_waiting(life: Life, school: Sekolah, other: Sekolah) -> None:
    """It has neither a laptop nor a code any more; it is told once, and answered when that is mended."""
    db, troubles = life.server.store.db, []
    put(inbox(life), "a", school.export().file.read_bytes())
    put(inbox(life), "b", other.export().file.read_bytes())
    keys = db.execute("SELECT * FROM kirim_key WHERE scope = ?", (school.scope,)).fetchall()
    codes = db.execute("SELECT * FROM kirim_code WHERE scope = ?", (school.scope,)).fetchall()

    def lose(result: FileResult) -> None:
        for table in ("kirim_key", "kirim_code"):
            db.execute(f"DELETE FROM {table} WHERE scope = ?", (school.scope,))

    watcher = Watcher(life.server, lose, on_trouble=troubles.append)
    assert not keys
    assert [r.npsn for r in watcher.look(everything=True).returns] == ["00000002"]
    assert watcher.look(everything=True).returns == []
    assert [error.code for error in troubles] == ["KF-116"]
    for code in codes:
        db.execute(f"INSERT INTO kirim_code VALUES ({', '.join('?' * len(code))})", code)
    assert [r.npsn for r in watcher.look(everything=True).returns] == ["00000001"]


def test_a_cut_package_in_a_whole_zip_is_refused_without_waiting(life: Life, school: Sekolah) -> None:
    """The ZIP's list stands at its end, so nothing more will come; the ZIP goes."""
    put(inbox(life), "x.zip", zipped([("a", school.export().file.read_bytes()[:-1])]))
    watcher = Watcher(life.server)
    assert watcher.look().files == []
    assert [r.code for r in watcher.look().files] == ["KF-204"]
    assert files(inbox(life)) == {}
