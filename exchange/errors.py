"""Every way in which the exchange can fail or refuse, with its code.

::

    ExchangeError
    ├── SetupError      KF-1xx   homes, codes, passphrases, names
    ├── FileError       KF-2xx   bytes that are no package, or no list that we know
    ├── TrustError      KF-3xx   who sent it, for whom, approved by whom
    ├── OrderError      KF-4xx   too early, another history
    ├── MergeError      KF-5xx   data that cannot go out or come in
    ├── StoreError      KF-6xx   databases
    ├── SpoolError      KF-7xx   disks and folders
    └── OwnFault        KF-9xx   a bug of ours

A code keeps its meaning for ever. What the loop over incoming files does is read from the fate,
never from the text. Why one row of an accepted package was not taken as sent is no exception but
a :class:`Reason`; those share the band KF-5xx.

The texts are gettext message ids in English; what an operator reads comes from the catalogue.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform


class Fate(enum.Enum):
    """What becomes of the file that met an error."""

    RETRY = "retry"
    """Passing trouble: the file stays where it is and is tried again."""
    HOLD = "hold"
    """Verified, but it waits for something that is not here yet."""
    QUARANTINE = "quarantine"
    """This file is bad: kept as evidence beside its reason."""
    STOP = "stop"
    """A person is needed before anything goes on."""


class Grave(enum.Enum):
    """How serious it is, in three steps that a person can act on."""

    NOTE = "note"
    WARNING = "warning"
    ALARM = "alarm"


class Who(enum.Enum):
    """Who can do the next step."""

    OPERATOR = "operator"
    HEAD = "head"
    DISTRICT = "district"
    CENTRE = "centre"


REGISTRY: dict[str, type[ExchangeError] | Reason] = {}
"""Every code, for ``kirim explain`` and the page of codes."""


@dataclass_transform(kw_only_default=True, eq_default=False)
class ExchangeError(Exception):
    """Base of everything that the exchange raises on purpose.

    Attributes:
        code: ``KF-nnn``.
        what, next, safe: What happened, what to do, what is safe: message ids with the fields in
            braces.
    """

    code: ClassVar[str] = ""
    fate: ClassVar[Fate] = Fate.STOP
    grave: ClassVar[Grave] = Grave.WARNING
    who: ClassVar[Who] = Who.OPERATOR
    what: ClassVar[str] = ""
    next: ClassVar[str] = ""
    safe: ClassVar[str] = ""

    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        # Typed facts as a dataclass has them, without the half millisecond that each dataclass costs at every start.
        super().__init_subclass__(**kwargs)
        cls._names = tuple(name for name in cls.__dict__.get("__annotations__", {}) if name not in vars(ExchangeError))
        if cls.code:
            assert cls.code not in REGISTRY, cls.code
            REGISTRY[cls.code] = cls

    def __init__(self, **facts: object) -> None:
        facts = {name: vars(type(self))[name] for name in self._names if name in vars(type(self))} | facts
        if facts.keys() != set(self._names):
            raise TypeError(f"{type(self).__name__} takes exactly {', '.join(self._names) or 'nothing'}")
        super().__init__()
        self.__dict__.update(facts)

    def facts(self) -> dict[str, Any]:
        """Return the typed facts by name."""
        return {name: self.__dict__[name] for name in self._names}

    def phrases(self, translate: Any) -> dict[str, str]:
        """Return those facts that are phrases of ours with facts of their own, in a language."""
        return {}

    def lines(self, translate: Any = lambda text: text) -> tuple[str, str, str]:
        """Return what happened, what to do next and what is safe, in a language.

        Args:
            translate: Maps a message id to its text.
        """
        facts = self.facts() | self.phrases(translate)
        return (
            translate(self.what).format(**facts),
            translate(self.next).format(**facts),
            translate(self.safe).format(**facts),
        )

    def __str__(self) -> str:
        what, then, safe = self.lines()
        return f"{self.code} {what}\nnext: {then}\nsafe: {safe}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts())


def _rebuild(cls: type[ExchangeError], facts: dict[str, Any]) -> ExchangeError:
    return cls(**facts)


def _likewise(rows: str, translate: Any) -> str:
    """Return what names further rows of the same kind; nothing if there are none."""
    return translate(LIKEWISE).format(rows=rows) if rows else ""


LIKEWISE = "; likewise rows {rows}"
"""Message id: the end of a sentence about one row of a list."""


# --- KF-1xx setup -----------------------------------------------------------------------------


class SetupError(ExchangeError):
    """Homes, codes, passphrases and names."""


class HomeMissing(SetupError):
    code = "KF-101"
    what = "{home} is not the home of a {role}"
    next = "name the right folder with --home, or run init there first"
    safe = "nothing was read or changed"
    home: str
    role: str


class HomeExists(SetupError):
    code = "KF-102"
    what = "{home} already holds a store"
    next = "choose an empty folder; the store that stands here stays in use"
    safe = "the store and its unsent changes are untouched"
    home: str


class SchoolUnknown(SetupError):
    code = "KF-103"
    who = Who.DISTRICT
    what = "no school with NPSN {npsn} is registered here"
    next = "check the NPSN, or register the school with `kirim server school add`"
    safe = "nothing was changed"
    npsn: str


class SchoolExists(SetupError):
    code = "KF-104"
    who = Who.DISTRICT
    what = "a school with NPSN {npsn} is registered already"
    next = "for a new code or laptop use `kirim server school code`"
    safe = "the registered school and its data are untouched"
    npsn: str


class CodeWrong(SetupError):
    code = "KF-105"
    what = "the code is mistyped, or was not made together with this prefill"
    next = "type the 36 characters again, or take the prefill and the code that were made together"
    safe = "no store was made; the prefill can be opened again"


class PassphraseWrong(SetupError):
    code = "KF-106"
    who = Who.HEAD
    what = "the head's passphrase does not open the key"
    next = "the head types the passphrase again"
    safe = "all data and unsent changes are untouched; no package was written"


class PassphraseShort(SetupError):
    code = "KF-107"
    who = Who.HEAD
    what = "the passphrase has {length} characters, at least {least} are needed"
    next = "choose a longer one; any characters will do, a sentence is best"
    safe = "nothing was made or changed"
    length: int
    least: int


class SecretMissing(SetupError):
    code = "KF-108"
    what = "{secret} is needed and was not given"
    next = "give it with {option}, or run the command at a terminal and type it"
    safe = "nothing was changed"
    secret: str
    option: str


class InputRowBad(SetupError):
    code = "KF-109"
    who = Who.DISTRICT
    what = "{file}, row {row}: {column} is {value}, which cannot be taken{also}"
    next = "mend that row and run the command again"
    safe = "nothing of this file was taken"
    file: str
    row: int
    column: str
    value: str
    also: str = ""

    def phrases(self, translate: Any) -> dict[str, str]:
        return {"also": _likewise(self.also, translate)}


class DatabaseUrlBad(SetupError):
    code = "KF-110"
    who = Who.CENTRE
    what = "the database {url} cannot be used here"
    next = "name a SQLite database, such as sqlite:////srv/kirim/server.db"
    safe = "nothing was changed"
    url: str


class KeysMissing(SetupError):
    code = "KF-111"
    grave = Grave.ALARM
    what = "the key file {file} is missing or cannot be read"
    next = "put the key file back from its copy, or ask the district for a new code"
    safe = "the store and its unsent changes are untouched"
    file: str


class UsageWrong(SetupError):
    code = "KF-112"
    what = "the command was not understood: {detail}"
    next = "see how it is used with --help"
    safe = "nothing was read or changed"
    detail: str


class Stopped(SetupError):
    code = "KF-113"
    grave = Grave.NOTE
    what = "the command was stopped before its end"
    next = "run it again; it finishes the work"
    safe = "what was done stays done, what was half done is undone"


class NobodyAssigned(SetupError):
    code = "KF-114"
    who = Who.DISTRICT
    what = "no Kepala Sekolah or Plt of NPSN {npsn} is assigned"
    next = "assign one with `kirim server change --as dinas`, then make the code"
    safe = "nothing was changed and no code was made"
    npsn: str


class AssignmentOther(SetupError):
    code = "KF-115"
    what = "the code is for another head than {nama}, whom the data here name"
    next = "first apply the BALASAN that brings the assignment; the same code works then"
    safe = "the code is not used up; data and keys are untouched"
    nama: str


class NoReceiver(SetupError):
    code = "KF-116"
    who = Who.DISTRICT
    what = "the school has no laptop that counts and no unused code"
    next = "make a code and prefill for the new laptop with `kirim server school code`"
    safe = "nothing was written; everything for the school waits"


class KeyUnknown(SetupError):
    code = "KF-117"
    who = Who.DISTRICT
    what = "NPSN {npsn} has no key {key}"
    next = "see `kirim server key list` and name the key by its id or its fingerprint"
    safe = "nothing was changed"
    npsn: str
    key: str


class NumberUnproven(SetupError):
    code = "KF-118"
    who = Who.DISTRICT
    what = "changeset {number} lies beyond {received}, the last one received from this laptop"
    next = "name the mark that the school's export shows for that number with --value, or a lower number"
    safe = "nothing was changed"
    number: int
    received: int


class NotContested(SetupError):
    code = "KF-119"
    who = Who.DISTRICT
    what = "the district has nothing to decide about the key {key}"
    next = "see `kirim server key list`; a key that was lost is revoked with `kirim server key revoke`"
    safe = "nothing was changed"
    key: str


class OtherSchool(SetupError):
    code = "KF-120"
    what = "the former folder holds another school's data"
    next = "name the folder of this school's former laptop"
    safe = "nothing was made; both folders are untouched"


class RootUnknown(SetupError):
    code = "KF-121"
    who = Who.CENTRE
    what = "{file} is not the key of this server's root or of its spare"
    next = "name the file akar or akar-cadangan from where it is kept"
    safe = "nothing was changed; the server goes on with its present key"
    file: str


class RenewalWaiting(SetupError):
    code = "KF-122"
    grave = Grave.NOTE
    what = "the server has not answered yet to the keys that this laptop last made known"
    next = "export, apply the BALASAN that answers it, then renew the key"
    safe = "nothing was changed; the present keys stay in use"


class CodesUsed(SetupError):
    code = "KF-170"
    who = Who.DISTRICT
    what = "NPSN {npsn} has no registration code that is unused"
    next = "see `kirim server key list`: a laptop that nobody knows is revoked with `kirim server key revoke`"
    safe = "nothing was changed"
    npsn: str


class RegionUnknown(SetupError):
    code = "KF-151"
    who = Who.CENTRE
    what = "{region} is no province, kabupaten or kecamatan that is known here"
    next = "check the kode_wilayah, or bring the regions with `kirim server ref import`"
    safe = "nothing was changed"
    region: str


class DistrictUnknown(SetupError):
    code = "KF-152"
    who = Who.CENTRE
    what = "no district office with the key {key} is certified here"
    next = "see `kirim server district list` and name it by its key id or its fingerprint"
    safe = "nothing was changed"
    key: str


class NotCertified(SetupError):
    code = "KF-153"
    who = Who.DISTRICT
    what = "the centre has not certified this office yet, or its answer was not opened here"
    next = "send the file PERMOHONAN to the centre and open what it answers with `kirim district open`"
    safe = "nothing was written; the keys of this office are untouched"


class RootUnproven(SetupError):
    code = "KF-154"
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "the file names a root with the fingerprint {found}, and nobody has said that it is the centre's"
    next = "ask the centre on the telephone for its root's fingerprint, and give that one with --fingerprint"
    safe = "nothing of the file was believed and nothing was changed"
    found: str


class SealedToMany(SetupError):
    code = "KF-155"
    who = Who.CENTRE
    what = "packages of schools in {region} are sealed to {most} district offices already"
    next = "certify the office without --sealed, or take that right from another one first"
    safe = "nothing was changed"
    region: str
    most: int


class RequestBad(SetupError):
    code = "KF-156"
    who = Who.DISTRICT
    what = "{file} is no sound request of a district office ({part})"
    next = "bring the file PERMOHONAN that `kirim district init` wrote, as it was written"
    safe = "nothing was certified and nothing was changed"
    file: str
    part: str


class OutsideRegion(SetupError):
    code = "KF-157"
    who = Who.DISTRICT
    what = "{file}, row {row}: {what_lies} lies outside the office's region {region}"
    next = "take that row out and send a new order; the office of that region decides there"
    safe = "nothing of this order was done"
    file: str
    row: int
    what_lies: str
    region: str


class NotAnOffices(SetupError):
    code = "KF-158"
    who = Who.DISTRICT
    what = "{file}, row {row}: the order of a district office may not set {column}"
    next = "take that row out and send a new order; ask the school or the centre for it"
    safe = "nothing of this order was done"
    file: str
    row: int
    column: str


class NotTheirs(SetupError):
    code = "KF-131"
    who = Who.DISTRICT
    what = "{file}, row {row}: {speaker} may not set {column}{also}"
    next = "move that row into a list for --as {others}, and run the command again"
    safe = "nothing of this file was taken"
    file: str
    row: int
    column: str
    speaker: str
    others: str
    also: str = ""

    def phrases(self, translate: Any) -> dict[str, str]:
        return {"also": _likewise(self.also, translate)}


class CellTwice(SetupError):
    code = "KF-133"
    who = Who.DISTRICT
    what = "{file}, rows {rows}: {column} of {table} {id} is set more than once"
    next = "leave the one row that is meant and run the command again"
    safe = "nothing of this file was taken"
    file: str
    rows: str
    table: str
    id: str
    column: str


class NothingMatched(SetupError):
    code = "KF-132"
    who = Who.DISTRICT
    what = "no row of {file} fits anything here"
    next = "mend the ids, NPSN or names; for a new person write 1 under baru; run the command again"
    safe = "nothing was changed"
    file: str


class AccountUnknown(SetupError):
    code = "KF-161"
    what = "no account of this school is called {name}"
    next = "see the names with `kirim school account list`; an account is made by the dinas and comes with the BALASAN"
    safe = "nothing was changed"
    name: str


class AccountAmbiguous(SetupError):
    code = "KF-162"
    what = "{count} accounts of this school are called {name}"
    next = "name the account by its id, which `kirim school account list` shows"
    safe = "nothing was changed"
    name: str
    count: int


class RoleUnknown(SetupError):
    code = "KF-163"
    what = "{role} is no role of the reference list; it has {known}"
    next = "type one of these names, or its number"
    safe = "nothing was changed"
    role: str
    known: str


class CodeOther(SetupError):
    code = "KF-164"
    what = "this is neither this laptop's registration code nor the code of the head in office"
    next = "type the 36 characters again; if the code is lost, the dinas makes one for `kirim school head`"
    safe = "roles and the active account are as before"


# --- KF-2xx file and format -------------------------------------------------------------------


class FileError(ExchangeError):
    """Bytes that are no package, or no list that we know."""

    fate = Fate.QUARANTINE


class NotOurs(FileError):
    code = "KF-201"
    what = "this is not a Kirim File package"
    next = "look for the file whose name begins with KIRIM or BALASAN and send that one"
    safe = "nothing was merged; the file is kept as it came"


class FormatNewer(FileError):
    code = "KF-202"
    who = Who.CENTRE
    what = "the package claims format {found}; this program knows up to {known}"
    next = "upgrade this program; the file is tried again after that"
    safe = "nothing was merged; the file is kept as it came"
    found: int
    known: int


class HeaderBad(FileError):
    code = "KF-203"
    what = "the package's header is damaged ({part})"
    next = "copy the file from the laptop again, or export again"
    safe = "nothing was merged; the school still holds every change"
    part: str


class FileCut(FileError):
    code = "KF-204"
    what = "the file ends early: {size} bytes came, {expected} were announced"
    next = "copy the file again and wait until copying has ended"
    safe = "nothing was merged; the school still holds every change"
    size: int
    expected: int


class FilePadded(FileError):
    code = "KF-205"
    what = "the file is longer than announced: {size} bytes, not {expected}"
    next = "copy the file from the laptop again"
    safe = "nothing was merged; the school still holds every change"
    size: int
    expected: int


class BodyDamaged(FileError):
    code = "KF-206"
    what = "the package was damaged on its way"
    next = "copy the file from the laptop again, or export again"
    safe = "nothing was merged; the school still holds every change"


class TooLarge(FileError):
    code = "KF-207"
    who = Who.DISTRICT
    what = "{part} is larger than the limit of {limit}"
    next = "ask the helpdesk, and quote this code"
    safe = "nothing was merged; the file is kept as it came"
    part: str
    limit: int


class Malformed(FileError):
    code = "KF-208"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the package is signed, but its content is not what the format says ({part})"
    next = "ask the helpdesk, and quote this code; exporting again will not help"
    safe = "nothing was merged; the school still holds every change"
    part: str


class SchemaNewer(FileError):
    code = "KF-209"
    fate = Fate.HOLD
    who = Who.CENTRE
    what = "the package speaks schema {found}; this program knows up to {known}"
    next = "upgrade this program; the package goes on by itself then"
    safe = "the package is verified and kept"
    found: int
    known: int


class ArchiveUnsafe(FileError):
    code = "KF-210"
    who = Who.DISTRICT
    what = "the ZIP cannot be taken: {part}"
    next = "put the package files into a plain folder or a new ZIP"
    safe = "nothing of it was unpacked or merged"
    part: str


class WorkbookUnreadable(FileError):
    code = "KF-211"
    fate = Fate.STOP
    what = "{file} cannot be read as an Excel workbook or list"
    next = "open it in Excel, save it as .xlsx and import it again"
    safe = "nothing of this file was taken"
    file: str


class LayoutUnknown(FileError):
    code = "KF-212"
    fate = Fate.STOP
    what = "{file} is no list that this program knows: {missing} was not found"
    next = "download the list from the application again and import it unchanged"
    safe = "nothing of this file was taken"
    file: str
    missing: str


class CellsUnread(FileError):
    code = "KF-213"
    fate = Fate.STOP
    what = "{count} cells of {file} cannot be taken"
    next = "mend the cells that are listed, or take the clean rows with --partial"
    safe = "nothing of this file was taken; the store is as it was"
    file: str
    count: int


class OtherSchoolList(FileError):
    code = "KF-214"
    fate = Fate.STOP
    what = "{file} is the list of {names}, not of {ours}"
    next = "take this school's own list; if this one is meant all the same, add --other-school"
    safe = "nothing of this file was taken"
    file: str
    names: str
    ours: str


class ColumnsMissing(FileError):
    code = "KF-215"
    fate = Fate.STOP
    who = Who.DISTRICT
    what = "{file} is no list for this command: {missing} was not found"
    next = "write the column names into one row above the data, as the page of this command lists them"
    safe = "nothing of this file was taken"
    file: str
    missing: str


class OtherFile(FileError):
    code = "KF-216"
    fate = Fate.STOP
    what = "{file} is a {found}, which this command does not take"
    next = "this file belongs to `{command}`"
    safe = "nothing of this file was taken"
    file: str
    found: str
    command: str


# --- KF-3xx trust -----------------------------------------------------------------------------


class TrustError(ExchangeError):
    """Who sent it, for whom it is, who approved it."""

    fate = Fate.QUARANTINE


class OtherKind(TrustError):
    code = "KF-301"
    what = "this is a {found} package; here a {wanted} package is needed"
    next = "this file belongs to `{command}`; KIRIM goes to the district, BALASAN comes back to the school"
    safe = "nothing was merged; the file is kept as it came"
    found: str
    wanted: str
    command: str


class OtherReceiver(TrustError):
    code = "KF-302"
    what = "the package is sealed for somebody else"
    next = "ask whoever sent it for whom it is; if it is for this school, export once and apply the answer to that file"
    safe = "nothing was merged and nothing was read"


class CertificateBad(TrustError):
    code = "KF-303"
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "a certificate in the package does not hold ({part})"
    next = "a BALASAN: ask for a new one; a school's file: export again, a new head after `kirim school head` with the right code"
    safe = "nothing was merged; the school still holds every change"
    part: str


class SenderUnknown(TrustError):
    code = "KF-304"
    who = Who.DISTRICT
    what = "the package claims a sender that is not known here"
    next = "if this server was restored: make it again with `kirim server rebuild`; else a new code for the laptop"
    safe = "nothing was merged; the sender still holds every change"


class SignatureBad(TrustError):
    code = "KF-305"
    grave = Grave.ALARM
    what = "the signature does not fit the package"
    next = "copy the file again; if it happens again, tell the district"
    safe = "nothing was merged; the school still holds every change"


class WrapBad(TrustError):
    code = "KF-306"
    grave = Grave.ALARM
    what = "the package's lock does not open with our key"
    next = "ask the sender to export again"
    safe = "nothing was merged; the school still holds every change"


class ChunkBad(TrustError):
    code = "KF-307"
    grave = Grave.ALARM
    what = "the package's sealed content does not hold"
    next = "ask the sender to export again"
    safe = "nothing was merged; the school still holds every change"


class Revoked(TrustError):
    code = "KF-308"
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "the sender's key was revoked after changeset {last}; this goes up to {got}"
    next = "the school asks the district for a new registration code"
    safe = "nothing was merged; the file is kept as evidence"
    last: int
    got: int


class ApprovalBad(TrustError):
    code = "KF-309"
    grave = Grave.ALARM
    who = Who.HEAD
    what = "the head's approval does not fit what the package holds"
    next = "the head approves again and the operator exports again"
    safe = "nothing was merged; the school still holds every change"


class ApprovalOther(TrustError):
    code = "KF-310"
    fate = Fate.HOLD
    who = Who.DISTRICT
    what = "the package is approved by somebody who is not the head by the district's data"
    next = "check the assignment, also for a new school year; the file then goes on by itself, or the right head exports again"
    safe = "the package is verified and kept"


class CodeTwice(TrustError):
    code = "KF-311"
    fate = Fate.HOLD
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "two laptops were registered with one code"
    next = "the district compares the fingerprints and decides with `kirim server key accept`"
    safe = "both packages are kept, nothing is lost"


class NoHead(TrustError):
    code = "KF-312"
    fate = Fate.STOP
    who = Who.DISTRICT
    what = "nobody can approve, so nothing can be sent: {cause}"
    next = "apply the newest BALASAN; if it says the same, the dinas mends this in penugasan and the next one brings it"
    safe = "all data and unsent changes are untouched"
    cause: str
    nama: str
    tahun: str

    def phrases(self, translate: Any) -> dict[str, str]:
        return {"cause": translate(self.cause).format(nama=self.nama, tahun=self.tahun)}


class NotConfirmed(TrustError):
    code = "KF-313"
    fate = Fate.STOP
    who = Who.HEAD
    what = "the confirmation sheet and the consent were not given"
    next = "confirm both, or use --confirm in a script"
    safe = "all data and unsent changes are untouched; no package was written"


class HeadKeyMissing(TrustError):
    code = "KF-314"
    fate = Fate.STOP
    who = Who.DISTRICT
    what = "{nama}, who is head by the dinas's data, has no key on this laptop"
    next = "ask the district for a code for the new head, then run `kirim school head`"
    safe = "all data and unsent changes are untouched"
    nama: str


class RevokedAhead(TrustError):
    code = "KF-315"
    fate = Fate.HOLD
    who = Who.DISTRICT
    what = "the laptop's key counts up to changeset {last}; this goes up to {got} and cannot be checked alone"
    next = "it goes on when the file that reaches {last} comes; or revoke after a lower number"
    safe = "the package is verified and kept"
    last: int
    got: int


class TwoHeads(TrustError):
    code = "KF-320"
    fate = Fate.STOP
    who = Who.DISTRICT
    what = "{kepala} is Kepala Sekolah and {plt} is Plt at once, so nobody can approve"
    next = "the dinas ends one of the two in penugasan; apply the BALASAN that brings it"
    safe = "all data and unsent changes are untouched"
    kepala: str
    plt: str


class AccountMissing(TrustError):
    code = "KF-321"
    fate = Fate.STOP
    who = Who.DISTRICT
    what = "{nama}, who is head by the dinas's data, has no account here: changed, or not come yet"
    next = "apply the newest BALASAN; if it brings none, the dinas makes the account"
    safe = "all data and unsent changes are untouched"
    nama: str


class AccountClosed(TrustError):
    code = "KF-322"
    fate = Fate.STOP
    who = Who.DISTRICT
    what = "the account of {nama} was closed by the dinas, so it cannot be used"
    next = "the dinas opens it (aktif = 1); apply the BALASAN that brings it"
    safe = "all data and unsent changes are untouched"
    nama: str


class RoleMissing(TrustError):
    code = "KF-323"
    fate = Fate.STOP
    what = "the account of {nama}, who is head by the dinas's data, does not have the role Kepala Sekolah"
    next = "add it with `kirim school account role --add` and the registration code"
    safe = "all data and unsent changes are untouched"
    nama: str


class OtherAccount(TrustError):
    code = "KF-324"
    fate = Fate.STOP
    what = "the account in use is that of {active}, not that of {nama}, who is head by the dinas's data"
    next = "change it with `kirim school account switch` (Tukar Akses Pengguna) and the registration code"
    safe = "all data and unsent changes are untouched"
    active: str
    nama: str


class AccountChanged(TrustError):
    code = "KF-325"
    fate = Fate.STOP
    what = "the account in use was changed by the dinas; the head, {nama}, has another one"
    next = "choose it with `kirim school account switch` (Tukar Akses Pengguna) and the registration code"
    safe = "all data and unsent changes are untouched"
    nama: str


class CodeVoid(TrustError):
    code = "KF-340"
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "a key in the package was made with a registration code that was taken back"
    next = "the school asks the district for a new registration code"
    safe = "nothing was merged; the file is kept as evidence"


class Overtaken(TrustError):
    code = "KF-341"
    grave = Grave.NOTE
    what = "a BALASAN was applied while this export waited for the head's approval"
    next = "export again; the sheet then shows how things stand now"
    safe = "no package was written; all data and unsent changes are safe"


class DistrictRevoked(TrustError):
    code = "KF-331"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the right of this district office was taken back; nothing that it orders counts any more"
    next = "if the office is to go on, the centre certifies it again"
    safe = "nothing was changed; the file is kept as evidence"


class OrderEarly(TrustError):
    code = "KF-332"
    fate = Fate.HOLD
    who = Who.DISTRICT
    what = "order {got} of the district office came, but {expected} has not arrived"
    next = "bring the orders from {expected} on as well; this one goes on by itself then"
    safe = "the order is verified and kept; nothing of it was done"
    got: int
    expected: int


class OrderForked(TrustError):
    code = "KF-333"
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "order {number} does not follow what this office ordered before: its folder was restored or copied"
    next = "open the newest JAWABAN in the office, then give the order again"
    safe = "nothing of this order was done; the file is kept as evidence"
    number: int


class NotGranted(TrustError):
    code = "KF-334"
    who = Who.DISTRICT
    what = "schools of {wilayah} seal nothing to this office, so it gets no copies"
    next = "ask the centre to certify the office with --sealed, then order again"
    safe = "copies that are here stay as they are"
    wilayah: str


class CopyMissing(TrustError):
    code = "KF-335"
    who = Who.DISTRICT
    what = "this office has no copy of NPSN {npsn} that this program reads"
    next = "order the copies with `kirim district copy`, and open the answer"
    safe = "nothing was written"
    npsn: str


# --- KF-4xx order -----------------------------------------------------------------------------


class OrderError(ExchangeError):
    """Too early, or of another history."""


class Gap(OrderError):
    code = "KF-401"
    fate = Fate.HOLD
    what = "changes from number {got} came, but {expected} has not arrived"
    next = "the school's next export brings what is missing; this one goes on by itself"
    safe = "the package is verified and kept"
    got: int
    expected: int


class Fork(OrderError):
    code = "KF-402"
    fate = Fate.QUARANTINE
    grave = Grave.ALARM
    who = Who.DISTRICT
    what = "change {number} came before with other content: the laptop was restored or copied"
    next = "the school applies the next BALASAN and exports again"
    safe = "nothing was merged; the file is kept, the school keeps its own changes"
    number: int


class BaseUnknown(OrderError):
    code = "KF-403"
    fate = Fate.HOLD
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the package builds on position {number}, which this server does not have"
    next = "the server was restored; the schools' next packages bring back what it lost"
    safe = "the package is verified and kept"
    number: int


class ReturnUnfit(OrderError):
    code = "KF-404"
    fate = Fate.STOP
    what = "this BALASAN does not fit this laptop's data"
    next = "export once more and apply the BALASAN that answers it"
    safe = "nothing was changed; all data and unsent changes are untouched"


class NotWaivable(OrderError):
    code = "KF-405"
    fate = Fate.STOP
    what = "file {number} of NPSN {npsn} does not wait for missing changes"
    next = "look at kirim server status: only a file held under KF-401 or KF-403 can be waived"
    safe = "nothing was changed"
    npsn: str
    number: int


class ReceiptUnknown(OrderError):
    code = "KF-406"
    fate = Fate.STOP
    grave = Grave.NOTE
    what = "no receipt for file {number} is here"
    next = "apply the newest BALASAN; if there is none, bring the file to the server again"
    safe = "every change is kept here until the server has signed for it"
    number: int


# --- KF-5xx merge -----------------------------------------------------------------------------


class MergeError(ExchangeError):
    """Data that cannot go out or come in."""


class DataInvalid(MergeError):
    code = "KF-501"
    what = "{count} rows are invalid, so nothing can be sent"
    next = "see `kirim school validate`, mend what is invalid and export again"
    safe = "all data and unsent changes are untouched"
    count: int


class DoesNotAddUp(MergeError):
    code = "KF-502"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "{sent} changes came, {told} were accounted for"
    next = "tell the helpdesk; the merge of this school waits"
    safe = "nothing of this package was merged or published; the file is kept"
    sent: int
    told: int


# --- KF-6xx store -----------------------------------------------------------------------------


class StoreError(ExchangeError):
    """Databases."""


class StoreBusy(StoreError):
    code = "KF-601"
    fate = Fate.RETRY
    what = "the database is in use by another program"
    next = "close the other program or wait, then run the command again"
    safe = "nothing was changed"


class StoreDamaged(StoreError):
    code = "KF-602"
    grave = Grave.ALARM
    what = "the database cannot be read or written ({detail})"
    next = "copy the whole folder to another disk, then tell the helpdesk"
    safe = "nothing more was written"
    detail: str


class StoreNewer(StoreError):
    code = "KF-603"
    what = "the store was made by a newer program (version {found}, this knows {known})"
    next = "use the newer program"
    safe = "nothing was changed"
    found: int
    known: int


class LedgerBroken(StoreError):
    code = "KF-604"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "entry {number} of the ledger does not hold: {part}"
    next = "compare the archive with another copy of it, and keep both"
    safe = "everything before this entry holds; nothing was changed"
    number: int
    part: str


class ReplayDiffers(StoreError):
    code = "KF-605"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "entry {number} of the ledger comes out otherwise now: {part}"
    next = "tell the helpdesk the number; go on working with the database that stands"
    safe = "the archive and the database that stands are untouched"
    number: int
    part: str


class ArchiveShort(StoreError):
    code = "KF-606"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the archive holds {number} entries of its ledger, and not the one that a return or a receipt speaks of"
    next = "ask for the whole archive; something was cut off or taken out of it"
    safe = "the entries that are there hold; nothing was changed"
    number: int


class StoreForeign(StoreError):
    code = "KF-607"
    what = "{folder} belongs to {owner}; whoever runs this command may not write there"
    next = "run the command as {owner}, who must be allowed to write there"
    safe = "nothing was changed; the data are whole"
    folder: str
    owner: str


class TextBroken(StoreError):
    code = "KF-608"
    what = "a text is not UTF-8: {table} ({row}), column {column}: {text}"
    next = "type this value anew in the program that wrote it, then run the command again"
    safe = "nothing was changed"
    table: str
    row: str
    column: str
    text: str


class OrderFalse(StoreError):
    code = "KF-609"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the order {name} in the archive does not hold ({part})"
    next = "compare the archive with another copy of it, and keep both"
    safe = "every entry of the ledger holds; nothing was changed"
    name: str
    part: str


class LaptopStoreMissing(StoreError):
    code = "KF-610"
    grave = Grave.ALARM
    what = "the database of this installation is gone: {file}"
    next = "put the newest copy of the folder back; without one ask the dinas for a new prefill and begin in an empty folder"
    safe = "what the centre has received is there; nothing in the folder was changed"
    file: str


class ServerStoreMissing(StoreError):
    code = "KF-611"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the server's database is gone: {file}"
    next = "name it with --db if it lies elsewhere; else make it again from the archive with `kirim server rebuild`, or put a backup back"
    safe = "keys and archive are untouched; nothing in the folder was changed"
    file: str


# --- KF-7xx disk and spool --------------------------------------------------------------------


class SpoolError(ExchangeError):
    """Disks and folders."""


class DiskFull(SpoolError):
    code = "KF-701"
    fate = Fate.RETRY
    grave = Grave.ALARM
    what = "the disk is full ({folder})"
    next = "make room; the work goes on by itself"
    safe = "no file leaves its folder before its effect is durable"
    folder: str


class FileUnreadable(SpoolError):
    code = "KF-702"
    what = "{file} cannot be read"
    next = "check that the file is there and the USB stick is in; copy it again"
    safe = "nothing was changed"
    file: str


class FolderUnwritable(SpoolError):
    code = "KF-703"
    what = "{folder} cannot be written to: {part}"
    next = "put the USB stick in, make the folder, or choose another one"
    safe = "nothing was changed and no half file stands there"
    folder: str
    part: str


class HomeBusy(SpoolError):
    code = "KF-704"
    fate = Fate.RETRY
    what = "another kirim command is at work in {home}"
    next = "wait until it has ended, then run the command again"
    safe = "nothing was changed"
    home: str


class FileExists(SpoolError):
    code = "KF-705"
    what = "{file} is there already and is never overwritten"
    next = "choose another name or folder"
    safe = "the file that stands there is untouched"
    file: str


# --- KF-9xx our own bugs ----------------------------------------------------------------------


class OwnFault(ExchangeError):
    code = "KF-901"
    grave = Grave.ALARM
    who = Who.CENTRE
    what = "the program met a fault of its own ({detail})"
    next = "tell the helpdesk, and quote this code"
    safe = "what was not finished was undone"
    detail: str


# --- why a row was not taken as sent ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a change was not taken as sent. It stands in receipts, never in a traceback.

    Attributes:
        code: ``KF-5nn``.
        what, next, safe: Message ids.
        who: Who can do the next step.
        grave: How serious it is.
    """

    code: str
    what: str
    next: str
    safe: str
    who: Who = Who.OPERATOR
    grave: Grave = Grave.NOTE

    def __post_init__(self) -> None:
        assert self.code not in REGISTRY, self.code
        REGISTRY[self.code] = self

    @property
    def number(self) -> int:
        """The code as it travels."""
        return int(self.code[3:])


_BACK = "the centre's value came back; yours is kept in the history"
OWNED_BY_PUSAT = Reason(
    "KF-510", "only the centre sets this", "tell the helpdesk if the centre's value is wrong", _BACK, Who.DISTRICT
)
OWNED_BY_DINAS = Reason("KF-511", "only the dinas sets this", "ask the dinas to correct it", _BACK, Who.DISTRICT)
LOCKED = Reason(
    "KF-512", "this was verified and is locked", "correct it through verval (VervalSP, VervalPD, VervalPTK)", _BACK
)
LOCKED_KIP = Reason(
    "KF-513", "the KIP number comes from the SK and is locked", "ask the dinas if the card shows another number", _BACK
)
WRONG_TYPE = Reason(
    "KF-514",
    "the value is not of its column's type",
    "correct the value and export again",
    "the row stays at the school, marked; its values are kept",
)
TOO_LONG = Reason(
    "KF-515",
    "the value is longer than its column",
    "shorten the value and export again",
    "the row stays at the school, marked; its values are kept",
)
CODE_UNKNOWN = Reason(
    "KF-516",
    "the code is not in its list",
    "choose a code from the list and export again",
    "the row stays at the school, marked; its values are kept",
)
OTHER_HOME = Reason(
    "KF-517",
    "the row belongs to another school",
    "ask the dinas; a pupil or teacher moves by Tarik Data",
    "the other school's row is untouched; yours is kept in the history",
    Who.DISTRICT,
    Grave.WARNING,
)
PARENT_OPEN = Reason(
    "KF-518",
    "the row hangs on one that was refused",
    "correct the refused row; this one follows by itself",
    "the row stays at the school, marked; its values are kept",
)
TABLE_CLOSED = Reason(
    "KF-519",
    "schools do not make or delete rows of this table",
    "ask the dinas",
    "the centre's row is untouched; yours is kept in the history",
    Who.DISTRICT,
)
BOTH_SCHOOL_WON = Reason(
    "KF-520", "both sides changed this; the school's value stands", "nothing to do", "both values are in the history"
)
BOTH_CENTRE_WON = Reason(
    "KF-521",
    "both sides changed this; the centre's value stands",
    "check the value; if it is wrong, correct it again or ask the dinas",
    "both values are in the history",
)
DELETE_LOST = Reason(
    "KF-522",
    "the row was deleted here while it changed at the other side; it stays",
    "look at the row; delete it again if it is still wanted",
    "the whole row came back",
    Who.OPERATOR,
    Grave.WARNING,
)
EDIT_OF_DELETED = Reason(
    "KF-523",
    "the row was edited at the other side while the school deleted it; it stays deleted",
    "nothing to do",
    "the edit is in the history",
)
REVIVED = Reason(
    "KF-524",
    "the row had been deleted at the other side; the school's edit brought it back",
    "nothing to do",
    "the row and its parents live again",
)
CONTROL_CHARACTERS = Reason(
    "KF-525", "the name holds a tab or line break", "type the name again without it", "the row is kept as it was sent"
)
MATCHED_TWICE = Reason(
    "KF-526",
    "more than one row fits",
    "make clear which one is meant: give NISN, NUPTK or NIK, or the full name",
    "nothing was taken from this cell",
)
VALUE_MISSING = Reason("KF-527", "a value is needed here", "fill the cell", "nothing was taken from this row")
IMPLAUSIBLE = Reason("KF-528", "the date cannot be right", "correct the date", "nothing was taken from this cell")
DIVERGED = Reason(
    "KF-529",
    "the row differed from the server's although nothing was on its way; the server's comes back",
    "look at the row; if the value here was right, enter it again",
    "the row as it stood here is in the history",
    Who.OPERATOR,
    Grave.WARNING,
)
NEWER_LAPTOP_WON = Reason(
    "KF-530",
    "another laptop of the school changed this too; the newer laptop's value stands",
    "look at the row; if the former laptop's value was right, enter it again",
    "both values are in the history",
)


def all_codes() -> Iterator[tuple[str, type[ExchangeError] | Reason]]:
    """Yield every code with what stands behind it, in order of the codes."""
    yield from sorted(REGISTRY.items())
