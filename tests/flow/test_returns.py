"""What travels from cut to return and back: positions, what a return says, what fits, what stands (docs/protocol.md 1 to 4, 17 to 23)."""

from __future__ import annotations

import io
import shutil
import uuid
from pathlib import Path

import pytest

from exchange import contents, errors
from exchange.format.body import Item, read_body, write_body
from exchange.nodes import CENTRE_SCOPE, SchoolNode, ServerNode
from exchange.records import Manifest, PackageKind, Position
from exchange.schema import SCHEMA
from exchange.school import capture
from exchange.store import chains
from exchange.trust.certificates import anchor
from exchange.trust.opening import VerifiedPackage, open_package, open_with_file_key
from exchange.trust.sealing import seal
from tests.faults.world import tables
from tests.flow.told import last_return, lines, registered, spoken, with_open_keys
from tests.life import Life, Sekolah, equal


@pytest.fixture
def pupil(life: Life, school: Sekolah) -> str:
    """A registered pupil whom both sides have; nothing is unsent."""
    with_open_keys(life)
    found = str(school.sql("SELECT peserta_didik_id FROM peserta_didik ORDER BY 1")[0][0])
    registered(school, found)
    school.round_trip()
    return found


def inside(node: SchoolNode | ServerNode, path: Path) -> tuple[Manifest, list[tuple[Item, bytes]]]:
    """Return the manifest and the items of a file that is meant for a node."""
    with path.open("rb") as file:
        package = open_package(file, kinds=set(PackageKind), find=node.find, identities=node.identities)
        assert isinstance(package, VerifiedPackage)
        with package:
            manifest, items = read_body(package.body, SCHEMA.version)
            return manifest, list(items)


def sent(school: Sekolah, path: Path) -> tuple[Manifest, list[tuple[Item, bytes]]]:
    """Return what a school's package says."""
    return inside(school.life.server, path)


def returned(school: Sekolah, path: Path) -> tuple[Manifest, list[tuple[Item, bytes]]]:
    """Return what a return says."""
    return inside(school.node, path)


def bytes_of(items: list[tuple[Item, bytes]], kind: Item = Item.HEAD) -> list[bytes]:
    """Return the bytes of each changeset of one kind."""
    found: dict[Item, list[bytes]] = {}
    began = kind
    for one, data in items:
        if one in {Item.HEAD, Item.BRANCH, Item.REFERENCE}:
            began = one
            found.setdefault(began, []).append(data)
        elif one is Item.BLOCK:
            found[began][-1] += data
    return found.get(kind, [])


def own_bytes(school: Sekolah, number: int) -> bytes:
    """Return the bytes of one of a school's changesets as its store keeps them."""
    store = school.node.store
    return b"".join(chains.read_parts(store.db, store.scope, store.device, number))


def position(school: Sekolah, number: int) -> Position:
    """Return a position of a school's own chain."""
    value = school.node.store.value_at(number)
    assert value is not None
    return Position(number, value[:8])


def log_position(school: Sekolah, number: int) -> Position:
    """Return a position of a school's log at the server."""
    store = school.life.server.store
    known = store.school(school.scope)
    assert known is not None
    return Position(number, store.log_value(known, number)[:8])


def log_end(school: Sekolah) -> int:
    """Return the number of the last entry of a school's log."""
    known = school.life.server.store.school(school.scope)
    assert known is not None
    return known.position


def dinas(life: Life, pupil: str, street: str) -> None:
    """Let the dinas set a pupil's address."""
    life.change("dinas", [("peserta_didik", pupil, "alamat_jalan", street)])


def copied(school: Sekolah) -> Sekolah:
    """Return a second laptop that is a copy of the first."""
    life = school.life
    school.node.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    life.schools.append(Sekolah(life, Path(shutil.copytree(school.home, life.folder / f"salinan-{len(life.schools)}"))))
    with_open_keys(life)
    return life.schools[-1]


def holds(school: Sekolah) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that a laptop's store holds, but for what it remembers to tell."""
    return tables(school.node, "kirim_meta") | {
        "kirim_meta": school.sql("SELECT name, value FROM kirim_meta WHERE name <> 'tell_all' ORDER BY name")
    }


# --- cut and send (1 to 4) --------------------------------------------------------------------


def test_a_return_is_applied_on_a_fresh_cut_that_had_not_seen_it(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 1: what was typed before the return is cut before it is applied, on the base that its author had seen."""
    before = school.node.store.have_position
    dinas(life, pupil, "Dinas")
    answer = life.answer(school).file
    school.edit("peserta_didik", pupil, email="sekolah@contoh.id")
    school.apply(answer)
    store = school.node.store
    (cut,) = chains.chain(store.db, store.scope, store.device, store.acknowledged, store.last)
    (block,) = capture.own_blocks(store, cut.number - 1, cut.number)
    assert (cut.base, block.rows(), block.columns[0].name) == (before, [pupil], "email")
    with store.transaction():
        assert capture.cut(store).number is None, "what a return brings is no change of the school's own"


def test_the_cut_before_a_return_stands_or_falls_with_it(life: Life, school: Sekolah, pupil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 1: one transaction: an apply that fails half-way has not cut either, and the edit is still there to be cut."""
    from exchange.school.applying import Applying

    dinas(life, pupil, "Dinas")
    answer = life.answer(school).file
    school.edit("peserta_didik", pupil, email="sekolah@contoh.id")
    last, stood = school.node.store.last, holds(school)

    def full(self: Applying) -> None:
        raise errors.DiskFull(folder="sekolah.db")

    monkeypatch.setattr(Applying, "acknowledge", full)
    with pytest.raises(errors.DiskFull):
        school.apply(answer)
    monkeypatch.undo()
    assert (school.node.store.last, holds(school)) == (last, stood)
    school.apply(answer)
    assert school.node.store.last == last + 1


def test_a_row_made_and_deleted_between_two_cuts_is_no_change(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 1: and one made before a cut and deleted after it is two."""
    gone = school.pupil("SALAH KETIK")
    school.edit("peserta_didik", gone, soft_delete=1)
    assert school.export().changes == {}
    twice = school.pupil("SALAH KETIK JUGA")
    school.export()
    school.edit("peserta_didik", twice, soft_delete=1)
    assert len(bytes_of(sent(school, school.export().file)[1])) == 2


def test_a_changeset_that_is_cut_again_keeps_its_origin(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 2: however often another laptop's branch comes below it, the chain value that it had first names it."""
    twin = copied(school)
    twin.edit("peserta_didik", pupil, email="salinan@contoh.id")
    file = twin.export().file
    first = twin.node.store.value_at(twin.node.store.last)
    numbers = []
    for rt in (1, 2):
        school.edit("peserta_didik", pupil, rt=rt)
        school.round_trip()
        life.ingest(file)
        twin.apply(life.answer(twin).file)
        numbers.append(twin.node.store.last)
        file = twin.export().file
    assert numbers[1] == numbers[0] + 1, "it moved up twice"
    life.ingest(file)
    kept = life.server.store.db.execute(
        "SELECT number, origin FROM kirim_changeset WHERE scope = ? AND origin <> value", (school.scope,)
    ).fetchall()
    assert [(number, bytes(origin)) for number, origin in kept] == [(numbers[1], first)]
    assert life.row("peserta_didik", pupil)["email"] == "salinan@contoh.id"


def test_a_package_carries_all_that_is_not_acknowledged_and_both_positions(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 3: files that were merged but not answered ride again, byte for byte, from the acknowledged position on."""
    acknowledged, have = school.node.store.acknowledged, school.node.store.have_position
    for rt in (1, 2, 3):
        school.edit("peserta_didik", pupil, rt=rt)
        file = school.export().file
        life.ingest(file)
    manifest, items = sent(school, file)
    assert (manifest.first, manifest.last, manifest.have) == (position(school, acknowledged), acknowledged + 3, have)
    assert bytes_of(items) == [own_bytes(school, acknowledged + n) for n in (1, 2, 3)]
    school.apply(life.answer(school).file)
    school.edit("peserta_didik", pupil, rt=4)
    manifest, items = sent(school, school.export().file)
    assert (manifest.first, manifest.have) == (position(school, acknowledged + 3), school.node.store.have_position)
    assert manifest.have != have
    assert bytes_of(items) == [own_bytes(school, acknowledged + 4)]


def test_a_school_keeps_its_changesets_and_the_returns_that_it_applied(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 4: acknowledged long since, both are still there as they travelled, and each return can still be opened."""
    told_once: dict[int, bytes] = {}
    answers: dict[int, bytes] = {}
    for rt in range(4):
        school.edit("peserta_didik", pupil, rt=rt)
        dinas(life, pupil, f"Dinas {rt}")
        file = school.export().file
        told_once |= dict(enumerate(bytes_of(sent(school, file)[1]), school.node.store.acknowledged + 1))
        life.ingest(file)
        answer = life.answer(school).file
        school.apply(answer)
        answers[school.node.store.have[0]] = answer.read_bytes()
        answer.unlink()
    school.reopen()
    assert len(told_once) == len(answers) == 4
    assert {number: own_bytes(school, number) for number in told_once} == told_once
    centre = anchor(life.server.identity.public, str(uuid.UUID(bytes=CENTRE_SCOPE)))
    for number, sealed in answers.items():
        ((file_key, kept),) = school.sql("SELECT file_key, file FROM kirim_return WHERE position = ?", number)
        assert kept == sealed
        with open_with_file_key(io.BytesIO(sealed), sender=centre, file_key=bytes(file_key)) as package:  # type: ignore[call-overload]
            assert read_body(package.body, SCHEMA.version)[0].last == number


# --- what a return says (17 to 19) ------------------------------------------------------------


def test_a_return_starts_at_the_last_position_that_the_school_said_it_has(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 17: not at the last one that was written; it covers the log up to now."""
    school.export()
    start = school.node.store.have_position
    life.ingest(school.export().file)
    for n in range(3):
        dinas(life, pupil, f"Dinas {n}")
        file = life.answer(school).file
        manifest, _ = returned(school, file)
        assert (manifest.first, manifest.last) == (start, log_end(school))
    school.apply(file)
    assert returned(school, life.answer(school).file)[0].first == start, "the school has it, but the server has not heard"
    life.ingest(school.export().file)
    dinas(life, pupil, "Dinas 3")
    assert returned(school, life.answer(school).file)[0].first == log_position(school, school.node.store.have[0])


def test_a_have_that_is_not_in_the_log_leaves_the_last_one_that_is(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 17: the server was restored; its return starts at the last position that it knows of the school."""
    life.ingest(school.export().file)
    known = school.node.store.have_position
    backup = life.folder / "cadangan"
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    shutil.copytree(life.server.home, backup)
    dinas(life, pupil, "Hilang")
    school.round_trip()
    life.ingest(school.export().file)
    home = life.server.home
    life.server.close()
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    life.server = ServerNode.open(home, clock=life.clock)
    lost = school.node.store.have_position
    life.ingest(school.export().file)
    manifest, _ = returned(school, life.answer(school).file)
    assert manifest.answer is not None
    assert (manifest.first, manifest.answer.lost) == (known, (lost,))


def test_a_value_that_is_again_what_it_was_is_said(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 18: the school changed it meanwhile, and takes a group that the return does not speak of as agreed."""
    dinas(life, pupil, "Jalan lama")
    school.round_trip()
    life.ingest(school.export().file)
    school.edit("peserta_didik", pupil, alamat_jalan="Jalan sekolah")
    life.ingest(school.export().file)
    dinas(life, pupil, "Jalan lama")
    school.apply(life.answer(school).file)
    assert (pupil, "UPDATE", "DINAS") in spoken(school)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Jalan lama"
    assert equal(school)


def test_a_row_that_the_centre_made_and_took_back_is_said(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 18: deleted again before the school ever had it: it is what it was, and spoken of all the same."""
    life.ingest(school.export().file)
    card = "99000000-0000-4000-8000-000000000001"
    life.change("pusat", [("kesejahteraan_pd", card, "peserta_didik_id", pupil)])
    life.change("pusat", [("kesejahteraan_pd", card, "soft_delete", 1)])
    school.apply(life.answer(school).file)
    assert (card, "DELETE", "PUSAT") in spoken(school)


def test_a_return_says_of_each_group_the_last_value_and_only_what_others_touched(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 18: three words of the dinas are one, and the school's own email does not come back to it."""
    life.ingest(school.export().file)
    school.edit("peserta_didik", pupil, email="sekolah@contoh.id")
    for n in range(3):
        dinas(life, pupil, f"Dinas {n}")
    life.change("pusat", [("peserta_didik", pupil, "rekening_bank", "990001")])
    school.round_trip()
    said = {(block.cause.name, column.name): values for block in last_return(school)
            for column, values in zip(block.columns, block.values[1:], strict=True)}  # fmt: skip
    groups = school.node.store.schema.by_name["peserta_didik"].group_of
    expected = [*groups["alamat_jalan"].columns, *groups["rekening_bank"].columns]
    assert {name for _, name in said} == {column.name for column in expected}
    assert said["DINAS", "alamat_jalan"] == ["Dinas 2"]
    assert said["PUSAT", "rekening_bank"] == ["990001"]


def test_a_return_tells_of_a_lock_with_whatever_is_said_of_its_group(life: Life, school: Sekolah, pupil: str) -> None:
    """A correction after the one that locked would else leave the school with an edit that the server will not take."""
    life.change("verval", [("peserta_didik", pupil, "nama", "NAMA BENAR")], verified=True)
    life.change("verval", [("peserta_didik", pupil, "nama", "NAMA LEBIH BENAR")])
    said = life.answer(school).file
    school.edit("peserta_didik", pupil, nama="NAMA SEKOLAH")
    school.apply(said)
    assert school.row("peserta_didik", pupil)["nama"] == "NAMA LEBIH BENAR"
    school.round_trip()
    assert life.row("peserta_didik", pupil)["nama"] == "NAMA LEBIH BENAR"
    assert equal(school)


def test_a_return_names_where_it_starts_what_both_share_and_how_far_it_merged(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 19: a, j and m by number and value, and the receipt of each package, held ones with their code."""
    school.edit("peserta_didik", pupil, rt=1)
    result = life.ingest(school.export().file).files[0]
    manifest, _ = returned(school, life.answer(school).file)
    assert manifest.answer is not None
    merged = position(school, school.node.store.last)
    assert (manifest.first, manifest.have, manifest.answer.shared) == (school.node.store.have_position, merged, merged)
    assert manifest.answer.value == life.server.store.log_value(life.server.store.school(school.scope), manifest.last)  # type: ignore[arg-type]
    assert [(r.number, r.last, r.counts.applied, r.code) for r in manifest.receipts[-1:]] == [(result.number, merged.number, 1, 0)]
    school.node.store.set(acknowledged=merged.number)
    school.edit("peserta_didik", pupil, rt=2)
    skipped = school.export().file
    school.node.store.set(acknowledged=merged.number + 1)
    school.edit("peserta_didik", pupil, rt=3)
    result = life.ingest(school.export().file).files[0]
    receipt = returned(school, life.answer(school).file)[0].receipts[-1]
    assert (receipt.number, receipt.code, receipt.counts.held) == (result.number, 401, 1)
    life.ingest(skipped)
    assert [r.code for r in returned(school, life.answer(school).file)[0].receipts if r.code] == []


def test_a_return_for_an_older_laptop_brings_the_chain_after_what_both_share(life: Life, school: Sekolah, pupil: str) -> None:
    """Rules 19 and 20: j lies before m; the changesets between them come as they were sent, so each value can be checked."""
    twin = copied(school)
    shared = position(twin, twin.node.store.last)
    for rt in (1, 2):
        school.edit("peserta_didik", pupil, rt=rt)
        school.round_trip()
    life.ingest(twin.export().file)
    manifest, items = returned(twin, life.answer(twin).file)
    assert manifest.answer is not None
    assert (manifest.answer.shared, manifest.have) == (shared, position(school, shared.number + 2))
    assert bytes_of(items, Item.BRANCH) == [own_bytes(school, shared.number + n) for n in (1, 2)]


def test_a_return_names_the_newest_positions_of_the_log_and_those_at_which_returns_were_written(
    life: Life, school: Sekolah, pupil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 19: whoever stands at one of them can take it, and a restored server finds how far its log is the same."""
    monkeypatch.setattr(contents, "LOGGED_MAX", 3)
    life.ingest(school.export().file)
    first = life.server.store.school(school.scope).have  # type: ignore[union-attr]
    written = []
    for n in range(36):
        dinas(life, pupil, f"Dinas {n}")
        if n % 2 == 0:
            life.answer(school)
            written.append(log_end(school))
    manifest, _ = returned(school, life.answer(school).file)
    assert manifest.answer is not None
    assert manifest.first.number == first
    last = manifest.last
    named = sorted({*written[-16:], last - 1, last - 2, last - 3})
    assert manifest.answer.returned == tuple(log_position(school, number) for number in named)


# --- what a school applies (21 to 23) ---------------------------------------------------------


def refuses(school: Sekolah, path: Path) -> None:
    """The return does not fit: nothing changes, and the next package carries every position of both chains."""
    stood = holds(school)
    with pytest.raises(errors.ReturnUnfit):
        school.apply(path)
    assert holds(school) == stood
    manifest, _ = sent(school, school.export().file)
    applied = [(number, value[:8]) for number, value in school.sql("SELECT position, value FROM kirim_return")]  # type: ignore[index]
    assert sorted((p.number, p.value) for p in manifest.have_older) == sorted(applied)
    assert [p.number for p in manifest.first_older] == list(range(school.node.store.acknowledged, 0, -1))
    assert all(p == position(school, p.number) for p in manifest.first_older)


def settles(*laptops: Sekolah) -> None:
    """Ordinary round trips until both sides are equal, at most three a laptop."""
    for _ in range(3):
        for laptop in laptops:
            laptop.life.ingest(laptop.export().file)
            laptop.apply(laptop.life.answer(laptop).file)
    assert equal(laptops[-1])
    manifest, _ = sent(laptops[-1], laptops[-1].export().file)
    assert (manifest.have_older, manifest.first_older) == ((), ())


def test_an_older_return_and_a_repeat_change_nothing(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 21: whichever comes late, the store stays as it is, and no package needs to tell more for it."""
    dinas(life, pupil, "Satu")
    first = life.answer(school).file
    dinas(life, pupil, "Dua")
    second = life.answer(school).file
    school.apply(second)
    school.edit("peserta_didik", pupil, email="sekolah@contoh.id")
    stood = tables(school.node)
    assert (school.apply(first), school.apply(second)) == (None, None)
    assert tables(school.node) == stood
    assert sent(school, school.export().file)[0].have_older == ()


def test_a_return_whose_start_was_never_applied_here_does_not_fit(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 21, a: the copy skipped a return that the other laptop had applied and told of."""
    twin = copied(school)
    dinas(life, pupil, "Satu")
    school.apply(life.answer(school).file)
    dinas(life, pupil, "Dua")
    twin.apply(life.answer(twin).file)
    life.ingest(school.export().file)
    dinas(life, pupil, "Tiga")
    answer = life.answer(school).file
    manifest, _ = returned(twin, answer)
    assert manifest.answer is not None
    assert twin.node.store.have_position in manifest.answer.returned, "by its present position alone it would fit"
    refuses(twin, answer)
    settles(twin)
    assert twin.row("peserta_didik", pupil)["alamat_jalan"] == "Tiga"


def test_a_return_that_builds_on_another_chain_does_not_fit(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 21, j: the copy's own changeset has the number of one that it never made; it is not acknowledged by it."""
    twin = copied(school)
    school.edit("peserta_didik", pupil, alamat_jalan="Jalan A")
    twin.edit("peserta_didik", pupil, email="b@contoh.id")
    twin.export()
    life.ingest(school.export().file)
    refuses(twin, life.answer(school).file)
    settles(twin, school, twin)
    for side in (life, school, twin):
        assert (side.row("peserta_didik", pupil)["alamat_jalan"], side.row("peserta_didik", pupil)["email"]) == ("Jalan A", "b@contoh.id")


def test_a_return_that_does_not_name_where_the_school_stands_does_not_fit(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 21: the restored server does not know yet what the school has, and would say nothing of what it lost."""
    backup = life.folder / "cadangan"
    life.server.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    shutil.copytree(life.server.home, backup)
    dinas(life, pupil, "Hilang")
    school.apply(life.answer(school).file)
    home = life.server.home
    life.server.close()
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    life.server = ServerNode.open(home, clock=life.clock)
    for n in range(3):
        life.change("dinas", [("peserta_didik", pupil, "email", f"{n}@contoh.id")])
    answer = life.answer(school).file
    manifest, _ = returned(school, answer)
    assert school.node.store.applied_position(manifest.first)
    refuses(school, answer)
    settles(school)
    row = life.row("peserta_didik", pupil)
    assert (row["alamat_jalan"], row["email"]) == ("Hilang", "2@contoh.id")


def test_an_equal_number_acknowledges_nothing(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 22: both laptops have a changeset of the number that is merged; the one that never came is still unsent."""
    twin = copied(school)
    number = twin.node.store.last + 1
    school.edit("peserta_didik", pupil, rt=1)
    school.round_trip()
    twin.edit("peserta_didik", pupil, email="b@contoh.id")
    life.ingest(twin.export().file)
    twin.apply(life.answer(twin).file)
    assert (twin.node.store.acknowledged, twin.node.store.last) == (number, number + 1)
    (block,) = capture.own_blocks(twin.node.store, number, number + 1)
    assert (block.rows(), block.columns[0].name) == ([pupil], "email")
    assert twin.round_trip().counts.applied == 1
    assert life.row("peserta_didik", pupil)["email"] == "b@contoh.id"


def late(school: Sekolah, pupil: str, **values: object) -> None:
    """Write as an apply does that came between a cut and its answer: not captured."""
    with school.node.store.transaction(), school.node.store.capture_off():
        school.edit("peserta_didik", pupil, **values)


def test_what_is_acknowledged_and_not_spoken_of_stands_as_sent(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 22: whatever was applied in between: an edit, a row and a delete stand as the server merged them."""
    gone = school.pupil("SISWA HAPUS")
    school.round_trip()
    school.edit("peserta_didik", pupil, email="dikirim@contoh.id", alamat_jalan="Dikirim")
    school.edit("peserta_didik", gone, soft_delete=1)
    fresh = school.pupil("SISWA BARU")
    life.ingest(school.export().file)
    dinas(life, pupil, "Dinas")
    late(school, pupil, email="terlambat@contoh.id", alamat_jalan="Terlambat")
    late(school, gone, soft_delete=0)
    late(school, fresh, soft_delete=1)
    school.apply(life.answer(school).file)
    row = school.row("peserta_didik", pupil)
    assert (row["email"], row["alamat_jalan"]) == ("dikirim@contoh.id", "Dinas"), "the return speaks of the address"
    assert [school.row("peserta_didik", one)["soft_delete"] for one in (gone, fresh)] == [1, 0]
    assert equal(school)


def test_a_later_change_of_the_schools_own_is_not_set_back(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 22: the acknowledged value is older than what was typed since; the row typed since is not revived either."""
    gone = school.pupil("SISWA HAPUS")
    school.edit("peserta_didik", pupil, email="satu@contoh.id", rt=1)
    life.ingest(school.export().file)
    school.edit("peserta_didik", pupil, email="dua@contoh.id")
    school.edit("peserta_didik", gone, soft_delete=1)
    school.apply(life.answer(school).file)
    row = school.row("peserta_didik", pupil)
    assert (row["email"], row["rt"]) == ("dua@contoh.id", 1)
    assert school.row("peserta_didik", gone)["soft_delete"] == 1
    school.round_trip()
    assert life.row("peserta_didik", pupil)["email"] == "dua@contoh.id"
    assert equal(school)


MEETINGS = {
    "sekolah": ("dinas", "email", "sekolah@contoh.id", "dinas@contoh.id", False),
    "pusat": ("pusat", "rekening_bank", "991", "992", False),
    "terkunci, free": ("verval", "nama", "SEKOLAH", "VERVAL", False),
    "terkunci, verified": ("verval", "nama", "SEKOLAH", "VERVAL", True),
    "equal": ("dinas", "email", "sama@contoh.id", "sama@contoh.id", False),
}
"""Who changed which column while the school did, to what, and whether it is verified."""


@pytest.mark.parametrize("meeting", MEETINGS)
def test_the_school_decides_an_unsent_change_as_the_server_will(life: Life, school: Sekolah, pupil: str, meeting: str) -> None:
    """Rule 23: what stands after the return is what stands at the server once the change was sent: no value flickers."""
    who, column, own, theirs, verified = MEETINGS[meeting]
    school.edit("peserta_didik", pupil, **{column: own})
    life.change(who, [("peserta_didik", pupil, column, theirs)], verified=verified)
    school.apply(life.answer(school).file)
    before = school.row("peserta_didik", pupil)[column]
    life.ingest(school.export().file)
    assert before == life.row("peserta_didik", pupil)[column]
    assert before == (own if meeting in {"sekolah", "terkunci, free", "equal"} else theirs)
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)[column] == before
    assert equal(school)


def test_the_school_decides_a_kip_number_as_the_server_will(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 23: a number of the SK takes the unsent one of the school and its KPS."""
    school.edit("peserta_didik", pupil, no_kip="AA11A1", penerima_kip=1, no_kps="KPS-1", penerima_kps=1)
    life.kip([(pupil, "ZZ00Z1")])
    school.apply(life.answer(school).file)
    names = ("no_kip", "penerima_kip", "no_kps", "penerima_kps")
    before = [school.row("peserta_didik", pupil)[name] for name in names]
    life.ingest(school.export().file)
    assert [life.row("peserta_didik", pupil)[name] for name in names] == before == ["ZZ00Z1", 1, None, 0]


def test_a_correction_takes_no_unsent_edit_away(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 23: the first value was refused; the second, typed before the answer came, is judged by the server too."""
    school.edit("peserta_didik", pupil, rekening_bank="991")
    assert life.ingest(school.export().file).files[0].counts.refused == 1
    school.edit("peserta_didik", pupil, rekening_bank="992")
    school.apply(life.answer(school).file)
    assert school.row("peserta_didik", pupil)["rekening_bank"] == "992"
    assert (pupil, "UPDATE", "KOREKSI") in spoken(school)
    assert school.round_trip().counts.refused == 1
    assert [dict(zip(line.columns, line.sent))["rekening_bank"] for line in lines(school)] == ["991", "992"], "both are told"
    assert school.row("peserta_didik", pupil)["rekening_bank"] is None
    assert equal(school)


def test_an_own_change_that_comes_back_is_no_foreign_one(life: Life, school: Sekolah, pupil: str) -> None:
    """Rule 23: it won a conflict and comes back; the delete typed since meets nobody's edit and stands."""
    dinas(life, pupil, "Dinas")
    school.edit("peserta_didik", pupil, alamat_jalan="Sekolah")
    assert life.ingest(school.export().file).files[0].counts.conflict == 1
    school.edit("peserta_didik", pupil, soft_delete=1)
    school.apply(life.answer(school).file)
    assert (pupil, "UPDATE", "KEMBALI") in spoken(school)
    assert school.row("peserta_didik", pupil)["soft_delete"] == 1
    assert school.round_trip().counts.conflict == 0
    assert life.row("peserta_didik", pupil)["soft_delete"] == 1
    assert equal(school)


# --- what belongs into the other direction ----------------------------------------------------


@pytest.mark.parametrize(
    "extra",
    [(Item.WANTED, b"\x00\x28" + bytes(8)), (Item.GIVEN, b"\x00" + bytes(40)), (Item.GIVEN, b"\x00" + bytes(33))],
    ids=["rows asked for", "a return", "a return that looks like row hashes"],
)
def test_a_return_with_what_only_schools_say_is_refused_and_changes_nothing(
    life: Life, school: Sekolah, pupil: str, extra: tuple[Item, bytes]
) -> None:
    """KF-208 for a file that our own server signed; the next good return is applied as ever."""
    dinas(life, pupil, "Jl. Dinas 1")
    good = life.answer(school).file
    manifest, items = returned(school, good)
    spoiled = life.folder / "lain.kirim"
    with spoiled.open("wb") as out:
        seal(kind=PackageKind.BALASAN, scope=school.scope, number=99, sender=life.server.identity,
             receivers=[school.node.device.public], plaintext=write_body(manifest, [*items, extra]), out=out)  # fmt: skip
    before = tables(school.node)
    with pytest.raises(errors.Malformed):
        school.apply(spoiled)
    assert tables(school.node) == before
    school.apply(good)
    assert school.row("peserta_didik", pupil)["alamat_jalan"] == "Jl. Dinas 1"
    assert equal(school)
