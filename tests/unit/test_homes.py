"""Homes appear whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from exchange import homes, spool


def names(folder: Path) -> list[str]:
    """Return what lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_home_appears_finished(tmp_path: Path) -> None:
    home = tmp_path / "rumah"
    with homes.building(home) as place:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        (place / "kunci").mkdir()
        (place / "kunci" / "a").write_bytes(b"a")
        (place / "sekolah.db").write_bytes(b"db")
        assert [name for name in names(home) if not name.startswith(".")] == []
        homes.unbuild(home)  # another start at the same time takes nothing away
        assert (place / "sekolah.db").exists()
    assert names(home) == ["kunci", "sekolah.db"]


def test_a_home_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with homes.building(tmp_path) as place:
            (place / "sekolah.db").write_bytes(b"db")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_a_start_that_was_killed_while_it_moved_is_taken_back_unless_it_was_finished(tmp_path: Path, moved: int) -> None:
    """The database moves last; with it the home is whole, without it nothing of it stays."""
    order = ["kunci", "lain", "sekolah.db"]
    place = tmp_path / f".0123{spool.PARTIAL}"
    place.mkdir()
    for n, name in enumerate(order):
        folder = tmp_path if n < moved else place
        if name == "kunci":
            (folder / name).mkdir()
            (folder / name / "a").write_bytes(b"a")
        else:
            (folder / name).write_bytes(b"x")
    (place / ".moving").write_text("\n".join(order))
    (tmp_path / "milik orang").write_bytes(b"")
    homes.unbuild(tmp_path)
    assert names(tmp_path) == (["kunci", "lain"] if moved == 3 else []) + ["milik orang"] + (
        ["sekolah.db"] if moved == 3 else []
    )


def test_a_start_that_was_killed_before_it_moved_takes_only_itself_away(tmp_path: Path) -> None:
    place = tmp_path / f".0123{spool.PARTIAL}"
    place.mkdir()
    (place / "sekolah.db").write_bytes(b"db")
    (tmp_path / "kunci").mkdir()
    homes.unbuild(tmp_path)
    assert names(tmp_path) == ["kunci"]
    homes.unbuild(tmp_path / "tidak ada")
