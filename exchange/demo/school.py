"""One made-up school and its people, the same for the same seed.

Values stand in the form that stores hold (``exchange/schema/model.py``, ``Kind``), under Dapodik's
own column names, so that the Excel layouts and the table rows are two views of one thing.
"""

from __future__ import annotations

from functools import cached_property

from exchange.demo.place import MAJORS, Place, Rombel
from exchange.demo.pupils import Pupil, make_pupil
from exchange.demo.staff import GURU, KEPALA, TENDIK, Staff, make_staff


class MadeUpSchool(Place):
    """A school with its place, classes and people; everything follows from the arguments.

    Example:
        >>> school = MadeUpSchool("SD", 3, seed=1)
        >>> school.npsn[0], [pupil.person["nik"][:2] for pupil in school.peserta_didik]
        ('0', ['99', '99', '99'])
        >>> MadeUpSchool("SD", 3, 1).peserta_didik == school.peserta_didik
        True
    """

    @cached_property
    def rombel(self) -> tuple[Rombel, ...]:
        """The classes, by grade: as many as full classes hold the pupils, one a grade at least."""
        first, last = self.level.grades
        grades = range(first, last + 1)
        each = max(1, -(-self.pupils // (self.level.size * len(grades))))
        classes = []
        for grade in grades:
            for place in range(each):
                if self.bentuk == "TK":
                    classes.append(Rombel(f"Kelompok {'AB'[grade]}{place + 1 if each > 1 else ''}", grade))
                elif self.bentuk in MAJORS:
                    majors = MAJORS[self.bentuk]
                    major = majors[place % len(majors)]
                    classes.append(Rombel(f"{_ROMAN[grade]} {major} {place // len(majors) + 1}", grade, major))
                else:
                    classes.append(Rombel(f"{grade}{_letters(place)}", grade))
        return tuple(classes)

    @cached_property
    def peserta_didik(self) -> tuple[Pupil, ...]:
        """The pupils, class by class, in the order in which they were entered."""
        classes = len(self.rombel)
        taken: set[str] = set()
        return tuple(
            make_pupil(self, number, self.rombel, number * classes // self.pupils, taken)
            for number in range(self.pupils)
        )

    @cached_property
    def ptk(self) -> tuple[Staff, ...]:
        """The head, a teacher and a third for every class, and a few of the administration."""
        classes = len(self.rombel)
        teacher = GURU[self.bentuk not in {"TK", "SD"}]
        kinds = [KEPALA] + [teacher] * (classes + classes // 3 + 1) + [TENDIK[0]] * (1 + classes // 9) + [TENDIK[1]]
        taken: set[str] = set()
        return tuple(make_staff(self, number, kind, taken) for number, kind in enumerate(kinds))


_ROMAN = {10: "X", 11: "XI", 12: "XII"}


def _letters(place: int) -> str:
    """Return A … Z, then AA …, the letter of a parallel class."""
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(65 + place % 26)
