"""Findings, and the rules that make them, as data.

A rule that looks at one row names its columns and a question from :mod:`exchange.rules.values`, which
:mod:`exchange.rules.local` asks. A rule that compares rows has no question here; the function that carries its code
stands in :mod:`exchange.rules.across`. Messages are gettext message ids with the facts in braces.

Which rules are invalid is settled: they stop an export. Everything else is a warning until the validation of the
domain's section 5 is taken up as a whole, because a rule that turns old rows red stops schools that cannot mend them.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from exchange.errors import CODE_UNKNOWN, TOO_LONG, WRONG_TYPE
from exchange.limits import EXAMPLES_MAX
from exchange.rules import values as ask
from exchange.schema.model import Table

TABS = (
    "Sekolah",
    "Sarpras",
    "Peserta Didik",
    "GTK",
    "Rombongan Belajar dan Jadwal",
    "Pembelajaran",
    "Nilai",
    "Referensi",
)
"""Tabs of validasi lokal, in their order on the screen; the words are the interface's own and never translated."""


class Level(enum.StrEnum):
    """How serious a finding is: an invalid row stops the export, a warning does not."""

    INVALID = "invalid"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule has to say of one row, or of one column as a whole.

    Attributes:
        code: The rule's id, such as ``PD-10``, or a reason's code, such as ``KF-514``.
        level: Whether it stops an export.
        tab: Tab of validasi lokal.
        table: SQL name of the table.
        row: The row's id (key values joined by ``|``); empty if it speaks of more than one row.
        message: Message id.
        params: The facts for the message's braces, fit to be shown.
        name: The row's own ``nama``, or empty: what an operator looks for instead of an id.
    """

    code: str
    level: Level
    tab: str
    table: str
    row: str
    message: str
    params: Mapping[str, object] = field(default_factory=dict)
    name: str = ""

    def text(self, translate: Callable[[str], str] = str) -> str:
        """Return the message in a language, facts filled in.

        Args:
            translate: Maps a message id to its text.
        """
        return translate(self.message).format(**self.params)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: Its id in the domain; two levels of one id are two rules.
        level: Whether it stops an export.
        tab: Tab of validasi lokal.
        table: The table whose rows it judges; empty for every table.
        message: Message id. ``{column}`` and ``{value}`` are the first of ``columns`` and its value.
        source: Where it is stated.
        columns: What the question is asked of, in its order; ``@today`` is today's date as text.
        broken: The question: true if the rule does not hold. ``None`` for a rule that compares rows or columns.
    """

    code: str
    level: Level
    tab: str
    table: str
    message: str
    source: str
    columns: tuple[str, ...] = ()
    broken: Callable[..., bool] | None = None

    def finding(self, row: str = "", *, name: str = "", **params: object) -> Finding:
        """Return what the rule has to say of a row."""
        return Finding(self.code, self.level, self.tab, self.table, row, self.message, params, name)

    def at(self, table: Table) -> Rule:
        """Return a rule for every table as one for this table."""
        return replace(self, tab=self.tab or table.tab, table=table.name)


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one cause, as one line of a report.

    Attributes:
        code, level, tab, table, message: What they share.
        column: The column that they speak of, or empty.
        count: How many there are.
        examples: The first of them, at most :data:`~exchange.limits.EXAMPLES_MAX`.
    """

    code: str
    level: Level
    tab: str
    table: str
    message: str
    column: str
    count: int
    examples: tuple[Finding, ...]


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Return findings by cause, in the order in which each cause first came; equal faults cost one line.

    Args:
        findings: Any number of them, in any order.

    Source:
        Requirement R15: one cause, one line with a count and up to ten examples.

    Example:
        >>> one = rules("PD-10")[0].finding("a", column="nisn", value="7")
        >>> [(group.code, group.column, group.count, len(group.examples)) for group in grouped([one] * 100)]
        [('PD-10', 'nisn', 100, 10)]
    """
    causes: dict[tuple[str, ...], list[Finding]] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for one in findings:
        cause = (one.code, one.level, one.table, one.message, str(one.params.get("column", "")))
        counts[cause] += 1
        kept = causes.setdefault(cause, [])
        if len(kept) < EXAMPLES_MAX:
            kept.append(one)
    return [
        Group(one.code, one.level, one.tab, one.table, one.message, cause[-1], counts[cause], tuple(kept))
        for cause, kept in causes.items()
        for one in kept[:1]
    ]


# --- the rules --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tab:
    """A tab of validasi lokal: makes the rules of one section, most of which judge one table."""

    name: str
    table: str
    section: int

    def row(
        self, code: str, columns: str, broken: Callable[..., bool], message: str, *, table: str | None = None
    ) -> Rule:
        """Return a rule that asks a question of some columns of one row."""
        rule = self.across(code, message, table=table)
        return replace(rule, columns=tuple(columns.split()), broken=broken)

    def across(self, code: str, message: str, *, table: str | None = None) -> Rule:
        """Return a rule that compares rows. ``code`` is the id, then I or W."""
        name, level = code.split()
        source = f"domain 5.{self.section}"
        return Rule(name, _LEVELS[level], self.name, self.table if table is None else table, message, source)


_LEVELS = {"I": Level.INVALID, "W": Level.WARNING}
_SEKOLAH = _Tab("Sekolah", "sekolah", 1)
_PD = _Tab("Peserta Didik", "peserta_didik", 3)
_GTK = _Tab("GTK", "ptk", 4)
_ROMBEL = _Tab("Rombongan Belajar dan Jadwal", "rombongan_belajar", 5)
_REF = _Tab("Referensi", "", 8)

_5_DIGITS = "{column} is {value}, which is not 5 digits"
_10_DIGITS = "{column} is {value}, which is not 10 digits"
_16_DIGITS = "{column} is {value}, which is not 16 digits"
_NIK = "NIK {value} is not 16 digits, or is a filler"
_NUMBER = "{column} is {value}"
_SEMESTER = "the row of the running semester is missing"
_PARENT_BORN = "{column} {value} cannot be a parent's year of birth"

COLUMN_RULES: Mapping[str, Rule] = {
    reason.code: Rule(reason.code, Level.INVALID, "", "", message, "domain 3.1, 5.8")
    for reason, message in (
        (WRONG_TYPE, "{column} holds {value}, which is not of its type ({type})"),
        (TOO_LONG, "{column} holds {value}, which is longer than {type} allows"),
        (CODE_UNKNOWN, "{column} holds {value}, which is not in its list"),
    )
}
"""What a single value can be guilty of, in any table."""

EMPTY = Rule("ISI-01", Level.WARNING, "", "", "{column} should be filled; empty rows: {count}", "domain 3.1")
"""A column that Dapodik marks ``!``: one finding a column, whatever the number of rows."""

CLAIMED = Rule(
    "UNIK-01",
    Level.WARNING,
    "",
    "",
    "{column} {value} can belong to one row only, but {count} have it; the others: {others}",
    "domain 4.4; requirement R7",
)
"""A natural unique key that several rows have: both stay, and people decide (:mod:`exchange.rules.unique`)."""

RULES: tuple[Rule, ...] = (
    *COLUMN_RULES.values(),
    EMPTY,
    CLAIMED,
    _SEKOLAH.across("SEK-01 I", "no Kepala Sekolah or Plt is assigned"),
    _SEKOLAH.across("SEK-01 I", "a Kepala Sekolah ({kepala}) and a Plt ({plt}) are assigned at once"),
    _SEKOLAH.across("SEK-02 W", _SEMESTER, table="sekolah_longitudinal"),
    _SEKOLAH.row("SEK-06 W", "yayasan_id status_sekolah", ask.private_alone, "a private school has no yayasan"),
    _SEKOLAH.across("SEK-08 W", _SEMESTER, table="sanitasi"),
    _SEKOLAH.row("SEK-09 W", "lintang bujur", ask.place_missing, "lintang and bujur are missing"),
    _SEKOLAH.row("SEK-09 W", "lintang bujur", ask.place_abroad, "lintang {value} and bujur are not in Indonesia"),
    _SEKOLAH.row("SEK-10 W", "kode_pos", ask.not_digits(5), _5_DIGITS),
    _SEKOLAH.row("SEK-10 W", "email", ask.email_bad, "{value} is no e-mail address"),
    _SEKOLAH.row("SEK-10 W", "nomor_telepon", ask.phone_bad, "{column} is {value}; only digits are expected"),
    _SEKOLAH.row("SEK-10 W", "nomor_fax", ask.phone_bad, "{column} is {value}; only digits are expected"),
    _SEKOLAH.row("SEK-11 W", "nama", ask.has_special, "{column} {value} holds one of the characters ! @ # $ % & *"),
    _PD.across("PD-01 W", "the pupil has no registrasi at this school"),
    _PD.across("PD-02 W", "the pupil is in no class rombel of the semester"),
    _PD.across("PD-03 W", "the pupil is in {count} class rombel of the semester"),
    _PD.row("PD-05 W", "tinggi_badan", ask.below_one, _NUMBER, table="peserta_didik_longitudinal"),
    _PD.row("PD-05 W", "berat_badan", ask.below_one, _NUMBER, table="peserta_didik_longitudinal"),
    _PD.row(
        "PD-06 W",
        "jarak_rumah_ke_sekolah_km jarak_rumah_ke_sekolah",
        ask.distance_missing,
        "the way to school is over 1 km, but {column} is empty",
        table="peserta_didik_longitudinal",
    ),
    _PD.row("PD-07 W", "nik", ask.nik_bad, _NIK),
    _PD.row("PD-08 W", "nik no_kk", ask.same_number, "NIK and no_kk are the same number, {value}"),
    _PD.row(
        "PD-09 W",
        "nik tanggal_lahir jenis_kelamin kewarganegaraan",
        ask.nik_unlike_birth,
        "the birth date or sex in NIK {value} is not that of the row",
    ),
    _PD.row("PD-10 I", "nisn", ask.not_digits(10), _10_DIGITS),
    _PD.row("PD-11 W", "nisn", ask.blank, "the pupil has no NISN yet"),
    _PD.row("PD-12 I", "no_kk", ask.not_digits(16), _16_DIGITS),
    _PD.row("PD-12 I", "nik_ayah", ask.not_digits(16), _16_DIGITS),
    _PD.row("PD-12 I", "nik_ibu", ask.not_digits(16), _16_DIGITS),
    _PD.row("PD-12 I", "nik_wali", ask.not_digits(16), _16_DIGITS),
    _PD.row("PD-13 I", "nama", ask.has_control, "{column} {value} holds a tab or line break"),
    _PD.row("PD-13 W", "nama", ask.has_digit, "{column} {value} holds a digit"),
    _PD.row("PD-14 I", "nama_ibu_kandung", ask.blank, "{column} is empty"),
    _PD.row("PD-14 W", "nama_ibu_kandung", ask.mother_unlikely, "{column} {value} holds a digit or the word ibu"),
    _PD.row("PD-15 W", "nama_ayah", ask.father_unlikely, "{column} {value} holds a digit or the word ayah or bapak"),
    _PD.row("PD-16 I", "tanggal_lahir @today", ask.implausible, "{column} {value} is before 1920 or in the future"),
    _PD.row("PD-22 W", "anak_keberapa", ask.below_one, _NUMBER),
    _PD.row("PD-23 I", "no_kps penerima_kps", ask.blank_but_said, "the pupil receives KPS, but {column} is empty"),
    _PD.across("PD-24 W", "the pupil has a KIP/PIP row in kesejahteraan_pd, but does not receive KIP"),
    _PD.across("PD-25 I", "the pupil receives KIP, but has no number"),
    _PD.row("PD-26 W", "id_layak_pip layak_pip", ask.blank_but_said, "the pupil is proposed for PIP without a reason"),
    _PD.row("PD-27 W", "layak_pip penerima_kip", ask.both_said, "the pupil is proposed for PIP and receives KIP"),
    _PD.row("PD-28 W", "no_kip", ask.kip_odd, "no_kip {value} is not 6 letters or digits"),
    _PD.row(
        "PD-30 W",
        "tanggal_masuk_sekolah @today",
        ask.later,
        "{column} {value} is in the future",
        table="registrasi_peserta_didik",
    ),
    _PD.across("PD-30 W", "{column} {value} is before the pupil's birth", table="registrasi_peserta_didik"),
    _PD.row(
        "PD-31 I",
        "jenis_keluar_id tanggal_keluar",
        ask.one_without_other,
        "jenis_keluar_id and tanggal_keluar must both be filled, or neither",
        table="registrasi_peserta_didik",
    ),
    _PD.row("PD-35 W", "kode_pos", ask.not_digits(5), _5_DIGITS),
    _PD.row("PD-36 W", "tahun_lahir_ayah tanggal_lahir", ask.parent_young, _PARENT_BORN),
    _PD.row("PD-36 W", "tahun_lahir_ibu tanggal_lahir", ask.parent_young, _PARENT_BORN),
    _GTK.across("GTK-01 W", "the PTK has no penugasan in this tahun ajaran"),
    _GTK.across(
        "GTK-02 W", "{count} assignments as Kepala Sekolah are open; the latest counts", table="tugas_tambahan"
    ),
    _GTK.row("GTK-03 W", "nik", ask.nik_bad, _NIK),
    _GTK.row("GTK-04 W", "nuptk", ask.not_digits(16), _16_DIGITS),
    _GTK.row("GTK-05 W", "nip status_kepegawaian_id", ask.nip_missing, "a civil servant's NIP is 18 digits"),
    _GTK.row("GTK-06 W", "nip tanggal_lahir", ask.nip_unlike_birth, "NIP {value} does not begin with the birth date"),
    _GTK.row("GTK-11 W", "nama", ask.name_odd, "{column} {value} holds a digit, tab or line break"),
    _GTK.row("GTK-12 W", "nama_ibu_kandung", ask.no_name, "{column} is not a name"),
    _GTK.row(
        "GTK-15 W",
        "nomor_sk tst_tambahan",
        ask.letter_short,
        "{column} {value} is shorter than 10 characters",
        table="tugas_tambahan",
    ),
    _ROMBEL.across("ROM-08 W", "the rombel has no member"),
    _ROMBEL.across("ROM-09 W", "the member is not an active pupil of this school", table="anggota_rombel"),
    _ROMBEL.row("ROM-11 W", "tanggal_mulai tanggal_selesai", ask.later, "{column} {value} is after tanggal_selesai"),
    _REF.across("REF-02 W", "{column} names rows that are not there: {count}"),
)
"""Every rule that this program knows, tab by tab."""


def rules(code: str, level: Level | None = None) -> tuple[Rule, ...]:
    """Return the rules of one id, in order.

    Example:
        >>> [rule.level.value for rule in rules("PD-13")]
        ['invalid', 'warning']
    """
    return tuple(rule for rule in RULES if rule.code == code and level in {None, rule.level})


EXPECTED: Mapping[tuple[str, str], str] = {
    ("sekolah_longitudinal", "waktu_penyelenggaraan_id"): "SEK-03",
    ("sekolah_longitudinal", "sumber_listrik_id"): "SEK-03",
    ("sekolah_longitudinal", "akses_internet_2_id"): "SEK-03",
    ("sekolah_longitudinal", "sertifikasi_iso_id"): "SEK-03",
    ("sekolah_longitudinal", "partisipasi_bos"): "SEK-03",
    ("sekolah", "kode_wilayah"): "SEK-05",
    ("sekolah", "luas_tanah_milik"): "SEK-07",
    ("sekolah", "luas_tanah_bukan_milik"): "SEK-07",
    ("peserta_didik", "jenjang_pendidikan_ibu"): "PD-19",
    ("peserta_didik", "pekerjaan_id_ibu"): "PD-19",
    ("peserta_didik", "penghasilan_id_ibu"): "PD-19",
    ("peserta_didik", "pekerjaan_id_ayah"): "PD-20",
    ("peserta_didik", "jenis_tinggal_id"): "PD-21",
    ("peserta_didik", "alat_transportasi_id"): "PD-21",
    ("peserta_didik_longitudinal", "tinggi_badan"): "PD-04",
    ("peserta_didik_longitudinal", "berat_badan"): "PD-04",
    ("peserta_didik_longitudinal", "lingkar_kepala"): "PD-04",
    ("peserta_didik_longitudinal", "jarak_rumah_ke_sekolah"): "PD-04",
    ("peserta_didik_longitudinal", "waktu_tempuh_ke_sekolah"): "PD-04",
    ("peserta_didik_longitudinal", "jumlah_saudara_kandung"): "PD-04",
    ("registrasi_peserta_didik", "nipd"): "PD-29",
    ("registrasi_peserta_didik", "id_hobby"): "PD-32",
    ("registrasi_peserta_didik", "id_cita"): "PD-32",
    ("ptk", "sk_pengangkatan"): "GTK-10",
    ("ptk", "tmt_pengangkatan"): "GTK-10",
    ("rombongan_belajar", "tingkat_pendidikan_id"): "ROM-01",
    ("pembelajaran", "sk_mengajar"): "PEM-05",
    ("pembelajaran", "tanggal_sk_mengajar"): "PEM-05",
}
"""Columns that a rule of the domain wants filled: its id stands in the finding instead of that of :data:`EMPTY`."""
