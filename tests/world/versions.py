"""The exchanged tables as programs of three versions know them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from exchange.schema import SCHEMA
from exchange.schema.model import Policy, Schema, declare
from tests.flow.test_versions import grown


def _later() -> tuple[Schema, ...]:
    """Return the tables of three versions: each brings a column of either side, and a table."""
    pupils, tables, found = SCHEMA.by_name["peserta_didik"], list(SCHEMA.tables), [SCHEMA]
    for version, stem in ((2, "surel"), (3, "kontak")):
        pupils = grown(pupils, f"{stem}_wali v60@{version}", Policy.SEKOLAH)
        pupils = grown(pupils, f"{stem}_catatan v60@{version}", Policy.DINAS)
        tables.append(declare(
            900 + version, f"{stem}_pd", "*baris_id u; peserta_didik_id u!→peserta_didik; isi v60",
            scope="@parent:peserta_didik_id", since=version,
        ))  # fmt: skip
        found.append(Schema(version, tuple(pupils if table.name == pupils.name else table for table in tables)))
    return tuple(found)


VERSIONS = _later()
"""Oldest first; the first is the one that ships."""


def program(schema: Schema | None) -> Schema:
    """Return the tables of a side's program; none is named for the one that ships."""
    return schema or VERSIONS[0]


@contextmanager
def running(schema: Schema) -> Iterator[None]:
    """Let what makes a new laptop be a program of this version."""
    with ExitStack() as stack:
        for module in ("enrol", "carrying"):
            stack.enter_context(mock.patch(f"exchange.school.{module}.SCHEMA", schema))
        yield
