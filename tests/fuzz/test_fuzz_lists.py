"""Damaged workbooks, lists, ZIPs and key files: whatever somebody brings is read, or refused by a code, at little cost."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.interop.layout import DAFTAR_PD, find_header
from exchange.interop.lists import read_changes, read_kip_list, read_reference, read_schools
from exchange.interop.workbook import read_sheet, stream_rows
from exchange.server.candidates import candidates, is_zip
from exchange.trust.keyfiles import Argon2Cost, head_public, load_identity, open_head_key, save_head_key, save_identity
from exchange.trust.keys import identity_from_seed
from exchange.trust.opening import inspect_package
from tests.fuzz.damage import damaged, only_ours, reshaped
from tests.fuzz.make_corpus import seeds

SHEET = "xl/worksheets/sheet1.xml"
SHARED = "xl/sharedStrings.xml"
LISTS = [data for _, data in seeds("list")]
BOOKS = [data for name, data in seeds("workbook") if not name.startswith("odd")]
ZIPS = [data for name, data in seeds("zip") if name != "odd-zeros.zip"]
BOOK_MEMORY = 64 + 16
"""MiB: a reader asks for room for the largest workbook before it knows the size of this one."""
Reader = Callable[[Path], object]


def pupils(path: Path) -> None:
    find_header(read_sheet(path), DAFTAR_PD, path)


READERS: tuple[Reader, ...] = (
    lambda path: list(stream_rows(path)),
    read_kip_list,
    read_changes,
    read_schools,
    read_reference,
    pupils,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("daftar")


def brought(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def everything(path: Path) -> list[str]:
    """Take a file as a command takes it, and return what became of each package in it: a code, or nothing."""
    codes = []
    for found in candidates([path]):
        try:
            with found.open() as file:
                inspect_package(file)
            codes.append("")
        except errors.ExchangeError as error:
            codes.append(error.code)
        finally:
            found.done()
    with path.open("rb") as file:
        is_zip(file)
    return codes


# --- the corpus itself ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "read"),
    [("kip", read_kip_list), ("sekolah", read_schools), ("ubah", read_changes), ("ref", read_reference), ("pd", pupils)],
)
def test_lists_of_the_corpus_are_read_alike_from_both_forms(folder, name, read):
    text = read(brought(folder, f"{name}.csv", dict(seeds("list"))[f"{name}.csv"]))
    assert read(brought(folder, f"{name}.xlsx", dict(seeds("workbook"))[f"{name}.xlsx"])) == text


@pytest.mark.parametrize("name", ["odd-far-cell", "odd-zeros"])
def test_traps_in_a_workbook_are_told(folder, name):
    path = brought(folder, f"{name}.xlsx", dict(seeds("workbook"))[f"{name}.xlsx"])
    with only_ours(BOOK_MEMORY), pytest.raises(errors.ExchangeError) as caught:
        read_sheet(path)
    assert caught.value.code == "KF-207"


def test_entities_that_grow_without_end_are_left_as_they_are_written(folder):
    """Twenty gigabytes of text in a thousand bytes: the XML parser stops after some megabytes, and nothing is replaced."""
    path = brought(folder, "odd-entity.xlsx", dict(seeds("workbook"))["odd-entity.xlsx"])
    with only_ours(2 * BOOK_MEMORY):
        assert read_sheet(path)[1][1] == "&j;"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("stored", {""}),
        ("packed", {""}),
        ("inside", {""}),
        ("odd-zeros", {"KF-210"}),
        ("odd-locked", {"KF-210", ""}),
        ("odd-size", {"KF-210"}),
        ("odd-same-name", {""}),
    ],
)
def test_zips_of_the_corpus_are_taken_or_told(folder, name, codes):
    path = brought(folder, f"{name}.zip", dict(seeds("zip"))[f"{name}.zip"])
    with only_ours(24):
        assert set(everything(path)) == codes


# --- damage -----------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(data=damaged(LISTS) | st.binary(max_size=80), name=st.sampled_from(["a.csv", "ref_agama.csv", "mst_wilayah (2).csv"]))
def test_a_damaged_list_is_read_or_refused(folder, data, name):
    path = brought(folder, name, data)
    for read in READERS:
        with only_ours(BOOK_MEMORY if data.startswith(b"PK") else 4):
            read(path)


@st.composite
def workbooks(draw: st.DrawFn) -> bytes:
    """A workbook with damage to the file, or to one member within a whole ZIP."""
    data = draw(st.sampled_from(BOOKS))
    if draw(st.booleans()):
        return draw(damaged([data]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from([SHEET, SHARED, "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels"]))
    members[name] = draw(damaged([members[name]]))
    if draw(st.integers(0, 9)) == 0:
        del members[draw(st.sampled_from(sorted(members)))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return buffer.getvalue()


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=workbooks(), read=st.sampled_from(READERS))
def test_a_damaged_workbook_is_read_or_refused(folder, data, read):
    path = brought(folder, "ref_agama.xlsx", data)
    with only_ours(BOOK_MEMORY):
        read(path)


@settings(max_examples=400)
@given(data=damaged(ZIPS))
def test_a_damaged_zip_is_taken_or_told(folder, data):
    path = brought(folder, "bawaan.zip", data)
    with only_ours(24):
        everything(path)


# --- keys at rest -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, bytes]:
    device = identity_from_seed(KeyKind.PERANGKAT, bytes(range(64)), 1)
    head = identity_from_seed(KeyKind.KEPALA, bytes(range(64)), 1)
    save_identity(folder / "perangkat", device)
    save_head_key(folder / "kepala", head, "sandi kepala sekolah", cost=Argon2Cost(32, 1, 1))
    return {name: (folder / name).read_bytes() for name in ("perangkat", "kepala")}


PLAIN, HEAD = b"kirim/1 berkas kunci\0", b"kirim/1 kunci kepala\0"


@settings(max_examples=150)
@given(data=st.data())
def test_a_damaged_key_file_is_refused_before_it_costs_anything(folder, keys, data):
    """A file that asks for gigabytes of Argon2id is refused unread; within bounds a wrong key is a wrong passphrase."""
    name, domain = data.draw(st.sampled_from([("perangkat", PLAIN), ("kepala", HEAD)]))
    whole = keys[name]
    changed = data.draw(damaged([whole]) | reshaped([whole[len(domain) :]]).map(lambda inner: domain + inner))
    path = brought(folder, "kunci", changed)
    with only_ours(2):
        head_public(path)
    with only_ours(2):
        load_identity(path)
    if changed != whole:
        with pytest.raises((errors.KeysMissing, errors.PassphraseWrong)):
            open_head_key(path, "sandi kepala sekolah")
