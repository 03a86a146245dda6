"""Who a row of a list is: by number, then by NIK, then by name and birth date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exchange.interop.cells import fold
from exchange.rules.values import are_digits, is_filler


@dataclass(frozen=True, slots=True)
class Identity:
    """What a row says of a person.

    Attributes:
        number: NISN or NUPTK, or empty.
        nik: NIK, or empty.
        name: Name, or empty.
        birth: Birth date in the store's form, or empty.
    """

    number: str
    nik: str
    name: str
    birth: str

    @classmethod
    def of(cls, number: str, length: int, nik: str, name: str, birth: str) -> Identity:
        """Return what a row says, without numbers that identify nobody: fillers, and what has another length.

        Args:
            number: NISN or NUPTK as it stands there.
            length: How many digits it has, 10 or 16.
            nik: NIK as it stands there.
            name: Name.
            birth: Birth date in the store's form.

        Example:
            >>> Identity.of("0149999901", 10, "0000000000000000", " SISWA SATU ", "2014-05-03")
            Identity(number='0149999901', nik='', name='SISWA SATU', birth='2014-05-03')
        """
        number, nik = number.strip(), nik.strip()
        sure = are_digits(number, length) and len(set(number)) > 1 and not is_filler(number)
        return cls(
            number if sure else "",
            nik if are_digits(nik, 16) and not is_filler(nik) else "",
            name.strip(),
            birth.strip(),
        )

    @property
    def person(self) -> tuple[str, str] | None:
        """Name and birth date as they are compared, or ``None`` unless both are there."""
        name = fold(self.name) or self.name
        return (name, self.birth) if name and self.birth else None

    def denies(self, other: Identity) -> bool:
        """Return whether both numbers are known on both sides and both differ: a namesake, not the same person."""
        return bool(
            self.number and other.number and self.nik and other.nik
            and self.number != other.number and self.nik != other.nik
        )  # fmt: skip


class People:
    """People of one store, to be found by what a list says of them.

    Args:
        people: Identity by id, in the store's order.
    """

    def __init__(self, people: Mapping[str, Identity]) -> None:
        self._people = dict(people)
        self._numbers: dict[str, list[str]] = {}
        self._niks: dict[str, list[str]] = {}
        self._persons: dict[tuple[str, str], list[str]] = {}
        for row, identity in people.items():
            self._note(row, identity)

    def _note(self, row: str, identity: Identity) -> None:
        if identity.number:
            self._numbers.setdefault(identity.number, []).append(row)
        if identity.nik:
            self._niks.setdefault(identity.nik, []).append(row)
        if identity.person:
            self._persons.setdefault(identity.person, []).append(row)

    def add(self, row: str, identity: Identity) -> None:
        """Add somebody who was not in the store."""
        self._people[row] = identity
        self._note(row, identity)

    def identity(self, row: str) -> Identity:
        """Return what is known of somebody."""
        return self._people[row]

    def find(self, identity: Identity) -> list[str]:
        """Return the ids that fit: none for somebody new, one if it is clear who is meant, else several.

        The number decides before the NIK, and that before name and birth date. A number that names one person and a NIK
        that names another are two candidates: to follow either would give one of them the other's number. So are a number
        that names one and a name and birth date that are another's: a column that was sorted alone.

        Example:
            >>> people = People({"a": Identity("0149999901", "", "SISWA SATU", "2014-05-03")})
            >>> people.find(Identity("", "9901014305140001", "Siswa  Satu", "2014-05-03"))
            ['a']
        """
        by_number = self._numbers.get(identity.number, []) if identity.number else []
        by_nik = self._niks.get(identity.nik, []) if identity.nik else []
        namesakes = self._persons.get(identity.person, []) if identity.person else []
        if len(by_number) == 1 and by_nik and by_number[0] not in by_nik:
            return [*by_number, *by_nik]
        if not (by_number or by_nik):
            return [row for row in namesakes if not identity.denies(self._people[row])]
        found = by_number or by_nik
        if len(found) == 1 and namesakes and found[0] not in namesakes:
            return [*found, *namesakes]
        return found

    def is_other(self, row: str, identity: Identity) -> bool:
        """Return whether all that a list says beside one number of somebody's is somebody else's: that number was copied.

        Example:
            >>> people = People({"a": Identity("0149999901", "9901014305140001", "SISWA SATU", "2014-05-03")})
            >>> people.is_other("a", Identity("0149999901", "9901014305140099", "SISWA DUA", "2015-07-26"))
            True
            >>> people.is_other("a", Identity("0149999901", "9901014305140001", "SISWA DUA", "2015-07-26"))
            False
        """
        known = self._people[row]
        apart = [one != other for one, other in ((identity.number, known.number), (identity.nik, known.nik)) if one and other]
        if not any(apart) or not identity.person or not known.person:
            return False
        return all(one != other for one, other in zip(identity.person, known.person, strict=True))
