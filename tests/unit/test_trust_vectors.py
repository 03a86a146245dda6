"""Golden files by a second writer: whole ones open, each fault has its code; the document shows the same bytes."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from exchange import errors
from exchange.format import container
from exchange.format.certificate import Certificate, KeyKind
from exchange.records import PackageKind
from exchange.trust.certificates import anchor
from exchange.trust.codes import code_identity
from exchange.trust.keys import identity_from_seed
from exchange.trust.opening import Duplicate, VerifiedPackage, inspect_package, open_package

ROOT = Path(__file__).parents[2]
STORED: dict[str, Any] = json.loads((ROOT / "tests/vectors/packages.json").read_text())
CASES: list[dict[str, str]] = STORED["cases"]
SCHOOL = bytes.fromhex(STORED["school"])


def maker() -> ModuleType:
    """Return the program that made the files."""
    spec = importlib.util.spec_from_file_location("make_package", ROOT / "tests/vectors/make_package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def key(name: str) -> Any:
    entry = STORED["keys"][name]
    return identity_from_seed(KeyKind(entry["kind"]), bytes.fromhex(entry["seed"]), entry["suite"])


def opened(case: dict[str, str]) -> VerifiedPackage | Duplicate:
    """Open a case as its reader would: the server after the school's registration, or the school with its code."""
    code = code_identity(bytes.fromhex(STORED["code"]), SCHOOL)
    server, device = key("server"), key("device")
    at_the_server = case["reader"] == "server"
    trusted = [anchor(code.public, SCHOOL), *([anchor(device.public, SCHOOL)] if at_the_server else [])]

    def find(scope: bytes, key_id: bytes) -> Certificate | None:
        return next((c for c in trusted if (c.scope, c.key_id) == (scope, key_id)), None)

    reader = server if at_the_server else code
    return open_package(
        io.BytesIO(bytes.fromhex(case["file"])),
        kinds={PackageKind.KIRIM} if at_the_server else {PackageKind.PREFILL},
        find=find,
        identities={reader.key_id: reader},
    )


@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "open"], ids=lambda c: c["name"])
def test_a_whole_file_of_another_writer_opens_and_encodes_again_to_the_same_bytes(case):
    data = bytes.fromhex(case["file"])
    package = opened(case)
    assert isinstance(package, VerifiedPackage)
    assert package.body.read() == (b"" if case["name"] == "kirim-empty" else b"Kirim File")
    assert package.file_key.hex() == STORED["file_key"]
    encoded = container.encode_header(package.header)
    assert data.startswith(container.signed_prefix(encoded))
    assert package.package_id == container.package_id(container.signed_prefix(encoded))
    assert inspect_package(io.BytesIO(data)).whole


@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] != "open"], ids=lambda c: c["name"])
def test_a_fault_is_refused_under_its_code(case):
    with pytest.raises(errors.ExchangeError) as caught:
        opened(case)
    assert caught.value.code == case["expect"], case["why"]


def test_every_code_of_opening_has_a_file():
    codes = {case["expect"] for case in CASES}
    assert codes >= {f"KF-20{n}" for n in range(1, 7)} | {f"KF-30{n}" for n in range(1, 8)}


def test_keys_grow_from_the_same_seeds_on_both_sides():
    for name, entry in STORED["keys"].items():
        assert key(name).key_id.hex() == entry["key_id"], name


def test_the_program_writes_the_same_files_again():
    module = maker()
    assert module.document(module.kept_prefill()) == STORED


def test_the_document_shows_the_bytes_of_the_worked_example():
    text = (ROOT / "docs/format.md").read_text()
    block = re.search(r"```text worked example\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert block[1].rstrip("\n") == maker().explain()
