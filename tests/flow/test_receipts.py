"""A school holds the server's word on each of its files, on paper: signed, in words, as a QR code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import segno

from exchange import errors
from exchange.evidence.givenkeys import read_public_keys, write_public_keys
from exchange.evidence.receiptpage import find_receipt, given, read_receipt, words, write_page
from exchange.evidence.verifying import Verifier
from exchange.schema import SCHEMA
from tests.flow.test_intake import three_packages
from tests.flow.told import with_open_keys
from tests.life import Life, Sekolah


@pytest.fixture(autouse=True)
def _keys(life: Life) -> None:
    with_open_keys(life)


def test_a_receipt_is_found_by_its_files_number(life: Life, school: Sekolah) -> None:
    """The newest word counts: what was held is taken later, and its receipt says so; an unknown number is told as such."""
    first, second, _ = three_packages(life, school)
    life.ingest(second)
    school.apply(life.answer(school).file)
    assert find_receipt(school.node, 2).receipt.code == 401
    life.ingest(first)
    school.apply(life.answer(school).file)
    held = find_receipt(school.node, 2)
    assert (held.receipt.code, held.receipt.number) == (0, 2)
    assert held.words != find_receipt(school.node, 1).words
    assert given(life.server.store, life.server.store.school_by_npsn(school.npsn), 2).words == held.words
    for number in (3, 99):
        with pytest.raises(errors.ReceiptUnknown):
            find_receipt(school.node, number)
        with pytest.raises(errors.ReceiptUnknown):
            given(life.server.store, life.server.store.school_by_npsn(school.npsn), number)


def test_what_is_scanned_or_saved_is_the_same_receipt(life: Life, school: Sekolah, tmp_path: Path) -> None:
    """The QR code's text and the JSON give back what the server signed, and both stand in the archive's ledger."""
    school.pupil()
    school.round_trip()
    held = find_receipt(school.node, 1)
    scanned, saved = tmp_path / "scan.txt", tmp_path / "tanda.json"
    scanned.write_text(held.text + "\n")
    saved.write_text(json.dumps(held.as_json()))
    assert read_receipt(scanned) == read_receipt(saved) == (held.scope, held.receipt)
    assert words(*read_receipt(scanned)) == held.words
    assert re.fullmatch(r"[0-9A-Z $%*+\-./:]+", held.text)  # the densest text of a QR code
    assert segno.make_qr(held.text, error="m").version <= 20
    write_public_keys(life.server, tmp_path / "umum.json")
    life.server.mirror.catch_up()
    keys = read_public_keys(tmp_path / "umum.json")
    proof = Verifier(life.server.home / "archive", keys, SCHEMA, scope=school.scope).run([held.ledger], [read_receipt(saved)])
    assert [one.receipt for one in proof.statements] == [held.receipt]


@pytest.mark.parametrize("content", ["", "{}", "KIRIM-TT:", "KIRIM-TT:AAAA", '{"receipt": 3}', "KIRIM-TT:0", "[1]", "\ud7ff"])
def test_what_is_no_receipt_is_refused(tmp_path: Path, content: str) -> None:
    """A photograph's text, half a code, another file."""
    path = tmp_path / "bukan.txt"
    path.write_text(content)
    with pytest.raises(errors.LayoutUnknown):
        read_receipt(path)


def test_a_page_is_printed_once(school: Sekolah, tmp_path: Path) -> None:
    """It stands alone, with its code inside; a page that is there is never overwritten."""
    school.round_trip()
    held = find_receipt(school.node, 1)
    path = write_page(tmp_path / "tanda.html", "Tanda <terima>", list(held.words), held.text)
    page = path.read_text()
    assert "&lt;terima&gt;" in page
    assert "<svg" in page
    assert all(word in page for word in held.words)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    with pytest.raises(errors.FileExists):
        write_page(path, "lagi", [], held.text)
