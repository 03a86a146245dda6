"""Writes the pages of ``docs/`` that are made from the code: ``make pages``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from exchange import errors, words
from exchange.words import tr

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"

HEAD = """\
# Codes

Made from `exchange/errors.py` by `make pages`. Each code says what happened, what to do, and what is safe, in
Indonesian first; `kirim explain KF-401` shows the same. A code keeps its meaning for ever. **…** stands for a fact that
the message fills in.

- *Who* can take the next step: the school's operator, its head, the district (dinas) or the centre.
- *What becomes of the file*: `retry` it is tried again by itself; `hold` it is verified and waits; `quarantine` it is
  put aside as evidence; `stop` the command ends and a person is needed.
- KF-510 to KF-599 are no failures: they say, in a receipt or an import's report, why one row was not taken as it was
  sent.
"""
BANDS = {
    1: "Setting up: homes, codes, passphrases",
    2: "File and format",
    3: "Trust: who sent it, for whom, approved by whom",
    4: "Order: too early, or of another history",
    5: "Data, and rows that were not taken as sent",
    6: "Stores",
    7: "Disks and folders",
    9: "Our own faults",
}


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "**…**"


def _lines(entry: type[errors.ExchangeError] | errors.Reason) -> Iterator[str]:
    what, then, safe = (tr(text).format_map(_Blanks()) for text in (entry.what, entry.next, entry.safe))
    name = words.language()
    yield f"- {name}: {what}."
    yield f"  - {tr('next')}: {then}."
    yield f"  - {tr('safe')}: {safe}."


def _entry(code: str, entry: type[errors.ExchangeError] | errors.Reason) -> Iterator[str]:
    yield f"### {code}"
    yield ""
    for language in words.LANGUAGES:
        with words.speaking(language):
            yield from _lines(entry)
    fate = f", file: `{entry.fate.value}`" if isinstance(entry, type) else ""
    yield f"- who: {entry.who.value}, how grave: {entry.grave.value}{fate}"
    yield ""


def errors_page() -> str:
    """Return ``docs/errors.md``."""
    lines = [HEAD]
    band = 0
    for code, entry in errors.all_codes():
        if int(code[3]) != band:
            band = int(code[3])
            lines += [f"## KF-{band}xx {BANDS[band]}", ""]
        lines += _entry(code, entry)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the pages, or with ``--check`` tell whether they are up to date."""
    page = errors_page()
    stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page
    if stale:
        print(f"{PAGE.name}: {'out of date' if '--check' in sys.argv else 'written'}")
    if stale and "--check" not in sys.argv:
        PAGE.write_text(page, encoding="utf-8")
    return int(stale and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
