"""What is installed: declared once, locked with hashes, complete in the wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import exchange

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {
    "SCHEMA",
    "ExchangeError",
    "SchoolNode",
    "ServerNode",
    "__version__",
    "add_schools",
    "apply_files",
    "export",
    "ingest_paths",
    "init_school",
    "init_server",
    "inspect_package",
    "renew_code",
    "write_returns",
}


@pytest.fixture(scope="module")
def setup():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text):
    return {line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", "-r"))}


def wanted(name):
    return lines((ROOT / "requirements" / name).read_text(encoding="utf-8"))


def test_the_public_names_are_these():
    """Whoever takes one away breaks somebody's program: it needs a changelog entry."""
    assert set(exchange.__all__) == PUBLIC
    assert set(dir(exchange)) >= PUBLIC
    assert all(getattr(exchange, name) is not None for name in PUBLIC)


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match="merge_everything"):
        exchange.merge_everything  # noqa: B018


def test_what_the_program_needs_is_written_in_two_places_alike(setup):
    assert wanted("run.in") == lines(setup["options"]["install_requires"])
    extras = setup["options.extras_require"]
    assert wanted("test.in") - lines(extras["test"]) - lines(extras["dev"]) == {"setuptools>=77"}


@pytest.mark.parametrize("name", ["run", "test", "mutate"])
def test_a_lock_pins_all_that_is_needed_with_hashes_and_names_no_place(name):
    lock = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[>=]", line)[0].lower() for line in wanted(f"{name}.in")} <= pinned
    assert len(re.findall(r"^    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)) >= len(pinned)
    assert not re.search(r"://|--index|--find-links|^/", lock, re.MULTILINE)


def test_the_wheel_holds_catalogues_reference_rows_and_no_tests(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        ".",
    ]
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("exchange", "inbox", "outbox", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("kirim_file-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for language in ("id", "en"):
        assert f"exchange/locale/{language}/LC_MESSAGES/kirim.mo" in names
    shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / "exchange/schema/ref").glob("*.csv")}
    assert shipped
    assert shipped <= names
    assert {name.split("/")[0] for name in names} == {"exchange", wheel.name.partition("-py3")[0] + ".dist-info"}
