"""Write ``corpus/``: small files of every kind that a stranger can put before the program, as seeds for damage.

    python tests/fuzz/make_corpus.py

One folder a reader. Packages and what stands inside them come from the golden files of ``tests/vectors``; lists, workbooks and
ZIPs are made here, the same bytes every time. ``odd`` files are no damage of others but traps made on purpose.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack
import xlsxwriter
import zstandard

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
VECTORS = HERE.parent / "vectors"
NO_CLOCK = datetime(2026, 10, 26)


def main() -> None:
    """Write every file anew."""
    for name, data in sorted({**packages(), **plaintexts(), **lists(), **archives()}.items()):
        path = CORPUS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def packages() -> dict[str, bytes]:
    """Return whole packages, their headers and a certificate."""
    found = {}
    for case in json.loads((VECTORS / "packages.json").read_text())["cases"]:
        if case["expect"] == "open":
            data = bytes.fromhex(case["file"])
            length = int.from_bytes(data[9:12], "big")
            found[f"package/{case['name']}.kirim"] = data
            found[f"header/{case['name']}.bin"] = data[12 : 12 + length]
            for n, (body, _) in enumerate(msgpack.unpackb(data[12 : 12 + length])[9]):
                found[f"certificate/{case['name']}-{n}.bin"] = body
    return found


def plaintexts() -> dict[str, bytes]:
    """Return manifests, parts of changesets, outcomes, and bodies that hold all of these."""
    stored = json.loads((VECTORS / "bodies.json").read_text())
    changesets = {name: [bytes.fromhex(part) for part in parts] for name, parts in stored["changesets"].items()}
    manifests = {name: bytes.fromhex(data) for name, data in stored["manifests"].items()}
    outcomes = {name: bytes.fromhex(data) for name, data in stored["outcomes"].items()}
    found = {f"manifest/{_plain(name)}.bin": data for name, data in manifests.items()}
    found |= {f"outcome/{_plain(name)}.bin": data for name, data in outcomes.items()}
    for name, parts in changesets.items():
        found |= {f"part/{_plain(name)}-{n}.bin": part for n, part in enumerate(parts)}
    items = b""
    for parts in changesets.values():
        items += b"".join(_item(2 if n else 1, part) for n, part in enumerate(parts))
    for data in outcomes.values():
        items += _item(3, b"\0\0\0\1" + data)
    items += _item(5, b"\0\x01" + bytes(16)) + _item(10, b"\0\x01" + bytes(8)) + _item(6, b"")
    for name, manifest in manifests.items():
        found[f"body/{_plain(name)}.bin"] = _body(manifest, items)
    least = manifests["least"]
    found["body/odd-zeros.bin"] = _body(least, _item(7, bytes(8 * 1024 * 1024)) * 3)
    found["body/odd-two-frames.bin"] = _body(least, items) + zstandard.compress(items)
    found["body/odd-window.bin"] = len(least).to_bytes(3, "big") + least + b"\x28\xb5\x2f\xfd\x00\xb8\x01\x00\x00"
    return found


def _plain(name: str) -> str:
    return name.replace(" ", "-")


def _item(kind: int, data: bytes) -> bytes:
    rest, front = len(data) << 3 | (kind if kind < 8 else 0), bytearray()
    while rest > 127:
        front.append(rest & 127 | 128)
        rest >>= 7
    return bytes(front) + bytes([rest]) + (bytes([kind]) if kind > 7 else b"") + data


def _body(manifest: bytes, items: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(level=3, write_content_size=False)
    return len(manifest).to_bytes(3, "big") + manifest + packer.compress(items)


# --- lists ----------------------------------------------------------------------------------------

KIP = [["NISN", "No KIP", "Nama di KIP", "Tgl SK"], ["0149999901", "ABC123", "SISWA CONTOH", "26/10/2026"]]
SCHOOLS = [["npsn", "name", "bentuk", "head"], ["00000001", "SD CONTOH 1", "SD", "KEPALA CONTOH"]]
CHANGES = [["table", "id", "column", "value", "verified"], ["peserta_didik", "0f0c", "nisn", "0149999901", "1"]]
REFERENCE = [["table", "agama_id", "nama"], ["ref_agama", "1", "Islam"], ["ref_agama", "2", "Kristen"]]
PUPILS = [
    ["Daftar Peserta Didik"],
    ["SD CONTOH 1"],
    [],
    ["No", "Nama", "NIPD", "JK", "NISN", "Tempat Lahir", "Tanggal Lahir", "NIK", "Agama"],
    [1, "SISWA CONTOH", "001", "L", "0149999901", "CONTOH", "2016-05-03", "9901010101010001", "Islam"],
]
LISTS = {"kip": KIP, "sekolah": SCHOOLS, "ubah": CHANGES, "ref": REFERENCE, "pd": PUPILS}


def lists() -> dict[str, bytes]:
    """Return each list as CSV and as a workbook, and workbooks that lie."""
    found = {}
    for name, rows in LISTS.items():
        text = "\r\n".join(";".join(str(cell) for cell in row) for row in rows)
        found[f"list/{name}.csv"] = text.encode()
        found[f"workbook/{name}.xlsx"] = _workbook(rows)
    found["list/odd-utf16.csv"] = "npsn\tname\tbentuk\r\n00000001\tSD É\tSD\r\n".encode("utf-16")
    found["list/odd-quotes.csv"] = b'npsn;name;bentuk\r\n"00000001;"SD ""CONTOH"";SD\r\n'
    book = found["workbook/sekolah.xlsx"]
    far = _edited(book, "xl/worksheets/sheet1.xml", lambda text: text.replace(b'r="D2"', b'r="XFD1048576"'))
    letters = "abcdefghij"
    laughs = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(letters))
    entity = f'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "ha">{laughs}]>'.encode()
    found["workbook/odd-far-cell.xlsx"] = far
    found["workbook/odd-entity.xlsx"] = _edited(
        book, "xl/sharedStrings.xml", lambda text: entity + text.partition(b"?>")[2].replace(b"SD CONTOH 1", b"&j;")
    )
    found["workbook/odd-zeros.xlsx"] = _edited(book, "xl/sharedStrings.xml", lambda _: bytes(24 * 1024 * 1024))
    return found


def _workbook(rows: list[list[Any]]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": NO_CLOCK})
    sheet = book.add_worksheet()
    for at, row in enumerate(rows):
        sheet.write_row(at, 0, row)
    book.close()
    return _edited(buffer.getvalue(), "", bytes)


def _edited(data: bytes, name: str, change: Any) -> bytes:
    """Change one member, and write all without a clock."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    return _zip({member: change(content) if member == name else content for member, content in members.items()})


# --- ZIPs -----------------------------------------------------------------------------------------


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 10, 26, 0, 0, 0))
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def archives() -> dict[str, bytes]:
    """Return ZIPs of packages, and ZIPs that lie."""
    kirim = packages()["package/kirim.kirim"]
    several = {"a.kirim": kirim, "folder/b.kirim": kirim[:100], "../c.kirim": kirim, "foto.jpg": b"\xff\xd8\xff"}
    plain = _zip(several, zipfile.ZIP_STORED)
    at = plain.index(b"PK\1\2")
    end = plain.index(b"PK\5\6")
    return {
        "zip/stored.zip": plain,
        "zip/packed.zip": _zip(several),
        "zip/inside.zip": _zip({"a.zip": plain}),
        "zip/odd-zeros.zip": _zip({"a.kirim": kirim + bytes(16 * 1024 * 1024)}),
        "zip/odd-locked.zip": plain[: at + 8] + b"\1\0" + plain[at + 10 :],
        "zip/odd-size.zip": plain[: at + 24] + struct.pack("<I", 2**32 - 2) + plain[at + 28 :],
        "zip/odd-count.zip": plain[: end + 8] + b"\xff\xff\xff\xff" + plain[end + 12 :],
        "zip/odd-same-name.zip": _twice(kirim),
    }


def _twice(kirim: bytes) -> bytes:
    """Return a ZIP with two members of one name, by turning another name into it."""
    return _zip({"a.kirim": kirim, "b.kirim": kirim[::-1]}).replace(b"b.kirim", b"a.kirim")


def seeds(folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the corpus files for one reader."""
    for path in sorted((CORPUS / folder).iterdir()):
        yield path.name, path.read_bytes()


if __name__ == "__main__":
    main()
