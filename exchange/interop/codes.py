"""Codes and the texts that lists write for them, read from the store's own reference rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from exchange import errors
from exchange.errors import Reason
from exchange.interop.cells import fold
from exchange.schema import SCHEMA, text_column

if TYPE_CHECKING:
    from exchange.store.database import Database

_KECAMATAN = re.compile(r"\s*(?:kecamatan|kec)\b[.\s]*", re.IGNORECASE)
KECAMATAN_LEVEL = 3
"""Level of a kecamatan in ``ref.mst_wilayah``: 1 province, 2 kabupaten or kota, 4 village."""


class Codes:
    """Reference rows of one store, each table read once, when it is first asked for.

    Args:
        db: The store.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._texts: dict[str, dict[object, str]] = {}
        self._codes: dict[str, dict[str, object]] = {}

    def text(self, table: str, code: object) -> str:
        """Return the text of a code; a code outside its list is shown as it is."""
        return "" if code is None else self._load(table).get(code, str(code))

    def texts(self, table: str) -> Mapping[object, str]:
        """Return a list's texts by code, those that have expired last."""
        return self._load(table)

    def code(self, table: str, text: str) -> object | Reason:
        """Return the code of a text, without regard to case, spaces and punctuation, or ``CODE_UNKNOWN`` (KF-516).

        Where two rows have one text, one that has not expired is taken, and of these the first.
        """
        self._load(table)
        return self._codes[table].get(fold(text), errors.CODE_UNKNOWN)

    def has(self, table: str, code: object) -> bool:
        """Return whether a code is in its list."""
        return code in self._load(table)

    def _load(self, name: str) -> dict[object, str]:
        if name in self._texts:
            return self._texts[name]
        table = SCHEMA.by_name[name]
        expired = "expired_date" if "expired_date" in table.by_name else "NULL"
        key = table.key_names[0]
        rows = self._db.execute(
            f"SELECT {key}, {text_column(name)}, {expired} IS NOT NULL FROM {name} ORDER BY 3, {key}"
        ).fetchall()
        self._texts[name] = {code: str(text or "").strip() for code, text, _ in rows}
        codes: dict[str, object] = {}
        for code, text, _ in rows:
            codes.setdefault(fold(str(text or "")), code)
        codes.pop("", None)
        self._codes[name] = codes
        return self._texts[name]


class Regions:
    """Names of kecamatan and their codes, nearest to the school first.

    Args:
        db: The store.
        home: ``kode_wilayah`` of the school, or ``None`` if it is not known.
    """

    def __init__(self, db: Database, home: str | None) -> None:
        rows = db.execute(
            "SELECT kode_wilayah, nama, id_level_wilayah, mst_kode_wilayah FROM ref_mst_wilayah ORDER BY kode_wilayah"
        ).fetchall()
        # Dapodik pads its codes with spaces; other programs do not, so the padding does not count.
        self._rows = {_trimmed(code): (str(name or "").strip(), level, parent) for code, name, level, parent in rows}
        self._kecamatan: dict[str, list[str]] = {}
        for code, name, level, _ in rows:
            if level == KECAMATAN_LEVEL:
                self._kecamatan.setdefault(fold(bare(str(name or "").strip())), []).append(code)
        self._home = self.path(home)

    def path(self, code: object) -> list[str]:
        """Return a code, its parent's and so on up, unpadded; at most six steps, since a list may hold a circle."""
        steps: list[str] = []
        step = _trimmed(code)
        while step in self._rows and step not in steps and len(steps) < 6:
            steps.append(step)
            step = _trimmed(self._rows[step][2])
        return steps

    def name(self, code: object, level: int) -> str:
        """Return the name of the region of a level in which a code lies, or an empty text."""
        return next((self._rows[step][0] for step in self.path(code) if self._rows[step][1] == level), "")

    def text(self, code: object) -> str:
        """Return how a list writes a region: ``Kec. X``. A code outside the list is shown as it is."""
        if code is None:
            return ""
        name = self.name(code, KECAMATAN_LEVEL)
        return f"Kec. {bare(name)}" if name else str(code)

    def code(self, text: str) -> object | Reason:
        """Return the code of a kecamatan by its name.

        Of several with one name, the one that shares most of its path with the school's is meant.

        Returns:
            The code, ``CODE_UNKNOWN`` (KF-516) for a name that is in no list, or ``MATCHED_TWICE`` (KF-526) for one
            that several kecamatan have, none of them nearer than the others.
        """
        found = self._kecamatan.get(fold(bare(text)), [])
        if not found:
            return errors.CODE_UNKNOWN
        near = {code: len(set(self.path(code)) & set(self._home)) for code in found}
        best = [code for code in found if near[code] == max(near.values())]
        return best[0] if len(best) == 1 else errors.MATCHED_TWICE


def _trimmed(code: object) -> str:
    return str(code or "").rstrip()


def bare(name: str) -> str:
    """Return a kecamatan's name without the word before it.

    Example:
        >>> bare("Kec. Contoh"), bare("KECAMATAN CONTOH"), bare("Kecapi")
        ('Contoh', 'CONTOH', 'Kecapi')
    """
    return _KECAMATAN.sub("", name, count=1) if _KECAMATAN.match(name) else name
