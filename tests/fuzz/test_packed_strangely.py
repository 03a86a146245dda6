"""Archives packed in ways that no system uses, and headers of arrays within arrays: refused by a code, at no cost."""
import io
import zipfile

import pytest

from exchange import errors
from exchange.format import container
from exchange.format.certificate import decode_certificate
from exchange.interop.workbook import read_sheet
from exchange.server.candidates import candidates
from exchange.trust.opening import inspect_package
from tests.fuzz.damage import only_ours


@pytest.mark.parametrize("depth", range(900, 1030, 2))
def test_arrays_within_arrays_are_refused(depth):
    nest = b"\x91" * depth + b"\x90"
    with pytest.raises(errors.HeaderBad):
        container.decode_header(nest)
    with pytest.raises(errors.CertificateBad):
        decode_certificate(nest)
    assert inspect_package(io.BytesIO(container.signed_prefix(nest) + bytes(100))).error.code == "KF-203"

def packed(method, name="a.kirim"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, b"isi " * 500)
    return buffer.getvalue()

def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_member_of_any_method_is_told_as_the_zips_fault(tmp_path, method):
    path = tmp_path / "a.zip"
    path.write_bytes(flipped(packed(method), 30 + 7 + 20))
    for found in candidates([path]):
        with pytest.raises(errors.ArchiveUnsafe), found.open():
            pass
        found.done()

def test_a_claimed_dictionary_of_lzma_costs_nothing(tmp_path):
    path, data = tmp_path / "a.zip", bytearray(packed(zipfile.ZIP_LZMA))
    data[42:46] = b"\xff" * 4
    path.write_bytes(data)
    with only_ours(24):
        for found in candidates([path]):
            try:
                with found.open():
                    pass
            finally:
                found.done()

def test_a_workbook_with_a_damaged_lzma_member_is_unreadable(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(flipped(packed(zipfile.ZIP_LZMA, "xl/workbook.xml"), 30 + 15 + 20))
    with pytest.raises(errors.WorkbookUnreadable):
        read_sheet(path)
