"""Whatever renews, makes or revokes a key is killed at every step: somebody can always go on, and nobody with half a key."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.nodes import SchoolNode, ServerNode
from exchange.packager import export
from exchange.school.headship import change_head
from exchange.school.rotating import change_passphrase, renew_device, renew_head
from exchange.server.headship import head_code
from exchange.server.keyring import revoke, school_keys
from exchange.server.serverkeys import rotate
from exchange.trust.codes import code_identity, parse_code
from tests.faults.killing import Counted, killed_at_each_step
from tests.faults.lives import going_on, halves, server_tables
from tests.faults.world import copy, files
from tests.life import PASSPHRASE, Clock, Life, Sekolah, equal

SECOND = "sandi kepala yang kedua"


@pytest.fixture
def answered(template: Life, quick: Path) -> Path:
    """A world whose first school is known to the server, and has one more pupil unsent."""
    life = copy(template, quick / "mulai")
    life.schools[0].round_trip()
    life.schools[0].pupil("SISWA BELUM DIKIRIM")
    life.close()
    return life.folder


def at_school(act: Callable[[SchoolNode], object]) -> Callable[[Path], None]:
    """Return what does something on the first laptop."""

    def done(folder: Path) -> None:
        with closing(SchoolNode.open(folder / "laptop-1", clock=Clock())) as node:
            act(node)

    return done


def at_server(act: Callable[[ServerNode], object]) -> Callable[[Path], None]:
    """Return what does something at the server."""

    def done(folder: Path) -> None:
        with closing(ServerNode.open(folder / "pusat", clock=Clock())) as server:
            act(server)

    return done


def sends(school: Sekolah, passphrase: str = PASSPHRASE) -> None:
    """A package that the head approves goes out, the server takes it, and both sides agree."""
    sent = export(school.node, passphrase=lambda: passphrase, confirm=lambda sheet: True)
    assert school.life.ingest(sent.file).files[0].status == "applied"
    school.apply(school.life.answer(school).file)
    assert equal(school)


def test_a_laptop_that_is_killed_while_its_key_is_renewed_still_sends(
    template: Life, answered: Path, quick: Path, counted: Counted
) -> None:
    """By the former key or the new one; the unsent pupil arrives once, and no key waits or lies half written."""
    renew = at_school(renew_device)
    for folder in killed_at_each_step("school key rotate", counted, answered, quick / "dunia", renew):
        with going_on(template, folder) as life:
            school = life.schools[0]
            with suppress(errors.RenewalWaiting):  # the killed one had done it
                renew_device(school.node)
            sends(school)
            assert life.server.store.db.value("SELECT count(*) FROM peserta_didik") == 2
            assert halves(school.home) == []
            kept = {path.name for path in (school.home / "kunci").iterdir()}
            assert kept == {"kepala", "perangkat", "perangkat.lama"}, "the former one opens what is still on its way"
            assert school.node.device.key_id == school.node.store.device


def test_a_head_whose_key_is_killed_on_its_way_still_approves(
    template: Life, answered: Path, quick: Path, counted: Counted
) -> None:
    """The same command again; the new passphrase approves, and the unsent pupil arrives."""
    renew = at_school(lambda node: renew_head(node, PASSPHRASE, SECOND))
    for folder in killed_at_each_step("school key rotate --head", counted, answered, quick / "dunia", renew):
        with going_on(template, folder) as life:
            school = life.schools[0]
            with suppress(errors.RenewalWaiting, errors.PassphraseWrong):  # the killed one had done it
                renew_head(school.node, PASSPHRASE, SECOND)
            sends(school, SECOND)
            assert halves(school.home) == []
            assert {path.name for path in (school.home / "kunci").iterdir()} == {"kepala", "perangkat"}


def test_a_killed_change_of_the_passphrase_leaves_the_former_or_the_new_one(
    answered: Path, quick: Path, counted: Counted
) -> None:
    """One of the two opens the same key, and the same command makes it the new one."""
    change = at_school(lambda node: change_passphrase(node, PASSPHRASE, SECOND))
    for folder in killed_at_each_step("school passphrase", counted, answered, quick / "dunia", change):
        with closing(SchoolNode.open(folder / "laptop-1", clock=Clock())) as node:
            with suppress(errors.PassphraseWrong):  # the killed one had done it
                change_passphrase(node, PASSPHRASE, SECOND)
            assert node.head(SECOND).key_id == node.head_certificate().key_id
            assert halves(folder / "laptop-1") == []


@pytest.fixture
def succeeded(template: Life, quick: Path) -> tuple[Path, str]:
    """A world in which another head was assigned and the school has heard of it, and the new head's code."""
    life = copy(template, quick / "mulai")
    school = life.schools[0]
    school.round_trip()
    life.change("dinas", [("sekolah", school.npsn, "kepala_sekolah", "KEPALA BARU")])
    code = head_code(life.server, school.npsn).code_file.read_text().splitlines()[0]
    school.apply(life.answer(school).file)
    school.pupil("SISWA BELUM DIKIRIM")
    life.close()
    return life.folder, code


def test_a_new_head_whose_key_is_killed_on_its_way_gets_it_by_the_same_code(
    template: Life, succeeded: tuple[Path, str], quick: Path, counted: Counted
) -> None:
    """The same command again; the package that the new head approves is taken."""
    start, code = succeeded
    change = at_school(lambda node: change_head(node, code, SECOND))
    for folder in killed_at_each_step("school head", counted, start, quick / "dunia", change):
        with going_on(template, folder) as life:
            school = life.schools[0]
            change_head(school.node, code, SECOND)
            sends(school, SECOND)
            assert halves(school.home) == []
            assert {path.name for path in (school.home / "kunci").iterdir()} == {"kepala", "perangkat"}


# --- the server -------------------------------------------------------------------------------


def test_a_server_that_is_killed_while_its_key_is_renewed_still_opens_and_signs(
    template: Life, answered: Path, quick: Path, counted: Counted
) -> None:
    """What was sealed to the former key opens, the command can be given again, and schools take the next return."""
    for folder in killed_at_each_step("server key rotate", counted, answered, quick / "dunia", at_server(rotate)):
        with going_on(template, folder) as life:
            school = life.schools[0]
            sealed_before = school.export().file
            rotate(life.server)
            assert life.ingest(sealed_before).files[0].status == "applied"
            school.apply(life.answer(school).file)
            school.pupil("SISWA SESUDAH")
            sends(school)
            assert halves(life.server.home) == []


def test_a_killed_heads_code_is_one_that_the_server_knows_or_none(
    template: Life, answered: Path, quick: Path, counted: Counted
) -> None:
    """No code lies in the outbox that makes no key; the same command gives another one."""
    make = at_server(lambda server: head_code(server, "00000001"))
    for folder in killed_at_each_step("server school code", counted, answered, quick / "dunia", make):
        with going_on(template, folder) as life:
            scope = life.schools[0].scope
            written = [path.read_text().splitlines()[0] for path in (life.server.home / "outbox").rglob("KODE-KEPALA-*")]
            written.append(head_code(life.server, "00000001").code_file.read_text().splitlines()[0])
            known = {bytes(key) for (key,) in life.server.store.db.execute("SELECT key_id FROM kirim_code").fetchall()}
            assert {code_identity(parse_code(code), scope, KeyKind.KODE_KEPALA).key_id for code in written} <= known
            assert halves(life.server.home) == []


def test_a_killed_revocation_is_whole_or_has_not_begun(
    answered: Path, quick: Path, counted: Counted
) -> None:
    """The same command again; the state is that of an undisturbed one, the ledger's archive included."""

    def revoked(server: ServerNode) -> None:
        (laptop,) = [key.key.hex() for key in school_keys(server, "00000001") if key.kind == "perangkat"]
        revoke(server, "00000001", laptop)

    expected = expected_after(answered, quick / "tenang", at_server(revoked))
    for folder in killed_at_each_step("server key revoke", counted, answered, quick / "dunia", at_server(revoked)):
        at_server(revoked)(folder)
        assert server_tables(folder / "pusat") == expected
        assert files(folder / "pusat" / "archive").keys() == files(quick / "tenang" / "pusat" / "archive").keys()


def expected_after(start: Path, place: Path, act: Callable[[Path], object]) -> dict[str, object]:
    """Return what a server holds after an undisturbed act."""
    shutil.copytree(start, place)
    act(place)
    return server_tables(place / "pusat")
