"""The order of checks: each refusal with its code, and what is opened is what was sealed."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import io

import pytest
from trust_world import ASSIGNMENT, OTHER_SCHOOL, SCHOOL, World, made

from exchange import errors
from exchange.format import container
from exchange.format.certificate import NO_SCOPE, KeyKind
from exchange.format.container import Header, Wrap
from exchange.limits import CHUNK_BYTES, MIB, PACKAGE_BYTES_MAX
from exchange.records import PackageKind
from exchange.trust import chunks, wraps
from exchange.trust.certificates import SignedCertificate, anchor, issue
from exchange.trust.keys import Identity
from exchange.trust.opening import (
    Duplicate,
    VerifiedPackage,
    inspect_package,
    open_package,
    open_with_file_key,
    verify_sealed,
)
from exchange.trust.sealing import HEADER_DOMAIN, wrap_info


@pytest.fixture(params=[1, 2], ids=["x25519", "hybrid"])
def world(request):
    return World(request.param).at_the_server()


def resign(data: bytes, signer: Identity, /, **changed: object) -> bytes:
    """Return a file whose header was changed and signed again by somebody who can."""
    length = container.split_frame(data[:12])
    header = container.decode_header(data[12 : 12 + length])
    encoded = container.encode_header(dataclasses.replace(header, **changed))  # type: ignore[arg-type]
    prefix = container.signed_prefix(encoded)
    return prefix + signer.sign(HEADER_DOMAIN + prefix) + data[76 + length :]


def header_of(data: bytes) -> Header:
    return container.decode_header(data[12 : 12 + container.split_frame(data[:12])])


# --- what opens -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7, MIB, 3 * MIB + 1],
)
def test_what_was_sealed_opens(world, size, tmp_path):
    plaintext = bytes(size % 251 for size in range(size))
    data, sealed = world.pack(plaintext, folder=tmp_path)
    package = world.open(data, folder=tmp_path)
    assert isinstance(package, VerifiedPackage)
    with package:
        assert package.body.tell() == 0
        assert package.body.read() == plaintext
    assert (
        package.package_id
        == sealed.package_id
        == hashlib.sha256(data[: 12 + container.split_frame(data[:12])]).digest()
    )
    assert package.size == sealed.size == len(data)
    assert package.file_key == sealed.file_key
    assert package.plaintext_sha256 == sealed.plaintext_sha256 == hashlib.sha256(plaintext).digest()
    assert package.sender == world.device_by_code.certificate
    assert package.header.scope_id == SCHOOL
    assert list(tmp_path.iterdir()) == []


def test_the_pieces_in_which_a_plaintext_comes_make_no_difference(world):
    plaintext = b"0123456789" * 20_000
    for step in (1_000, 7, CHUNK_BYTES, CHUNK_BYTES + 1):
        pieces = [plaintext[at : at + step] for at in range(0, len(plaintext), step)]
        sealed_chunks = list(chunks.seal_chunks(b"k" * 32, [b"", *pieces, b""]))
        assert sealed_chunks == list(chunks.seal_chunks(b"k" * 32, [plaintext]))


def test_two_files_of_the_same_content_share_no_byte_that_could_be_compared(world):
    (one, first), (two, second) = world.pack(b"sama"), world.pack(b"sama")
    assert first.file_key != second.file_key
    assert first.package_id != second.package_id
    assert header_of(one).body_hash != header_of(two).body_hash


def test_every_receiver_opens_the_same_file(world):
    receivers = [made(str(n), KeyKind.PUSAT, world.suite) for n in range(4)]
    data, _ = world.pack(b"untuk semua", receivers=[r.public for r in receivers])
    assert [world.read(data, receiver) for receiver in receivers] == [b"untuk semua"] * 4


def test_a_return_and_a_prefill_open_at_the_school():
    world = World().at_the_school()
    data, _ = world.pack(b"balasan", kind=PackageKind.BALASAN)
    assert world.read(data) == b"balasan"
    at_init = World()
    at_init.trust(anchor(at_init.code.public, SCHOOL))
    data, _ = at_init.pack(
        b"prefill",
        kind=PackageKind.PREFILL,
        receivers=[at_init.code.public],
        certificates=[at_init.root_by_code, at_init.server_by_root],
    )
    package = at_init.open(data, at_init.code)
    assert isinstance(package, VerifiedPackage)
    assert package.admitted == (at_init.root_by_code, at_init.server_by_root)
    assert package.sender == at_init.server_by_root.certificate


def test_the_first_package_brings_its_own_certificates_and_later_ones_bring_nothing_new(world):
    world.trusted.clear()
    world.trust(anchor(world.code.public, SCHOOL))
    data, _ = world.pack(certificates=[world.device_by_code, world.head_by_code])
    first = world.open(data)
    assert isinstance(first, VerifiedPackage)
    assert first.admitted == (world.device_by_code, world.head_by_code)
    world.trust(*first.admitted)
    again = world.open(data)
    assert isinstance(again, VerifiedPackage)
    assert again.admitted == ()
    world.trusted.pop((container.scope_bytes(SCHOOL), world.code.key_id))
    assert world.read(data) == b"perubahan", "certificates that are known need their issuer no more"


def test_a_file_is_opened_with_its_own_file_key_and_with_no_other(world):
    data, sealed = world.pack(b"periksa")
    sender = world.device_by_code.certificate
    with open_with_file_key(io.BytesIO(data), sender=sender, file_key=sealed.file_key) as package:
        assert package.body.read() == b"periksa"
    with pytest.raises(errors.WrapBad):
        open_with_file_key(io.BytesIO(data), sender=sender, file_key=bytes(32))
    with pytest.raises(errors.SenderUnknown):
        open_with_file_key(io.BytesIO(data), sender=anchor(world.stranger.public), file_key=sealed.file_key)
    named = dataclasses.replace(sender, verify_key=world.stranger.public.verify_key)
    named.__dict__["key_id"] = sender.key_id  # a stranger's key under the sender's id, which no hash would give
    with pytest.raises(errors.SignatureBad):
        open_with_file_key(io.BytesIO(data), sender=named, file_key=sealed.file_key)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: data + b"x", "KF-205"),
        (lambda data: data[:-1], "KF-204"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "KF-206"),
        (lambda data: data[: len(data) - 40 - 64] + bytes(64) + data[len(data) - 40 :], "KF-305"),
    ],
    ids=["a byte more", "a byte less", "another byte", "no signature"],
)
def test_a_file_key_or_a_look_without_one_excuses_no_damage(world, damage, code):
    """What is proved by a file's key, or by its signature alone, is proved of a whole file."""
    data, sealed = world.pack(bytes(24))
    sender = world.device_by_code.certificate
    assert verify_sealed(io.BytesIO(data), sender) == sealed.package_id
    with pytest.raises(errors.ExchangeError) as refused:
        verify_sealed(io.BytesIO(damage(data)), sender)
    assert refused.value.code == code
    with pytest.raises(errors.ExchangeError) as refused:
        open_with_file_key(io.BytesIO(damage(data)), sender=sender, file_key=sealed.file_key)
    assert refused.value.code == code


def test_another_holder_did_not_sign_it(world):
    with pytest.raises(errors.SenderUnknown):
        verify_sealed(io.BytesIO(world.pack(b"x")[0]), anchor(world.stranger.public))


def test_an_opened_package_shows_neither_its_key_nor_what_it_holds(world):
    """Whoever writes one into a log gives nothing away."""
    data, sealed = world.pack(b"Jalan Rahasia 1")
    with world.open(data) as package:
        shown = repr(package)
    assert "BytesIO" not in shown
    assert repr(sealed.file_key) not in shown


def test_a_fault_of_temporary_space_has_its_code_wherever_it_is(tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(errors.DiskFull), chunks.disk(folder):
            raise OSError(errno.ENOSPC, "penuh")


def test_a_file_that_grew_beyond_memory_is_opened_from_its_descriptor(world, tmp_path):
    plaintext = b"besar" * MIB
    path = tmp_path / "besar.kirim"
    path.write_bytes(world.pack(plaintext)[0])
    with path.open("rb") as file:
        package = open_package(
            file, kinds=[PackageKind.KIRIM], find=world.find, identities={world.server.key_id: world.server}
        )
        assert isinstance(package, VerifiedPackage)
        with package:
            assert package.body.read() == plaintext


# --- what is refused, in order ------------------------------------------------------------------


class Endless(io.BytesIO):
    """A file that is larger than anything, without the bytes."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return super().seek(offset, whence) if whence == 0 else PACKAGE_BYTES_MAX + 1


def test_a_file_larger_than_any_package_is_refused_before_it_is_read(world):
    with pytest.raises(errors.TooLarge):
        open_package(Endless(b"apa saja"), kinds=set(PackageKind), find=world.find, identities={})


def test_a_kind_that_does_not_belong_here_is_refused_before_anything_else_is_asked(world):
    data, _ = world.pack()
    with pytest.raises(errors.OtherKind) as caught:
        world.open(data, made("siapa", KeyKind.PUSAT), kinds=[PackageKind.PREFILL, PackageKind.BALASAN])
    assert (caught.value.found, caught.value.wanted) == ("KIRIM", "PREFILL / BALASAN")


def test_a_package_for_somebody_else_is_refused_before_its_sender_is_asked_for(world):
    data, _ = world.pack(sender=world.stranger)
    with pytest.raises(errors.OtherReceiver):
        world.open(data, made("pusat lain", KeyKind.PUSAT, world.suite))


def test_a_key_of_another_suite_opens_nothing(world):
    other = made("pusat", KeyKind.PUSAT, 3 - world.suite)
    data, _ = world.pack()
    with pytest.raises(errors.OtherReceiver):
        open_package(io.BytesIO(data), kinds=set(PackageKind), find=world.find, identities={world.server.key_id: other})


def test_an_unknown_sender_is_refused(world):
    data, _ = world.pack(sender=world.stranger)
    with pytest.raises(errors.SenderUnknown):
        world.open(data)


def test_a_known_sender_of_another_school_is_unknown_here(world):
    data, _ = world.pack(scope=OTHER_SCHOOL)
    with pytest.raises(errors.SenderUnknown):
        world.open(data)
    lax = world.device_by_code.certificate
    other, _ = world.pack(sender=world.stranger)
    for file in (data, other):
        with pytest.raises(errors.SenderUnknown):
            world.open(file, find=lambda scope, key_id: lax)


@pytest.mark.parametrize("kind", [KeyKind.KEPALA, KeyKind.DINAS, KeyKind.PUSAT, KeyKind.KODE_PERANGKAT, KeyKind.AKAR])
def test_only_a_laptop_signs_a_schools_package(kind):
    world, sender = World(), made("pengirim", kind)
    world.trust(anchor(sender.public, SCHOOL))
    data, _ = world.pack(sender=sender)
    with pytest.raises(errors.SenderUnknown):
        world.open(data)


@pytest.mark.parametrize("kind", [KeyKind.PERANGKAT, KeyKind.DINAS, KeyKind.AKAR])
@pytest.mark.parametrize("package", [PackageKind.BALASAN, PackageKind.PREFILL])
def test_only_the_server_signs_a_return_or_a_prefill(kind, package):
    world, sender = World(), made("pengirim", kind)
    world.trust(anchor(sender.public, NO_SCOPE), anchor(sender.public, SCHOOL))
    data, _ = world.pack(kind=package, sender=sender)
    with pytest.raises(errors.SenderUnknown):
        world.open(data)


def test_a_signature_by_another_key_is_refused(world):
    data, _ = world.pack()
    forged = resign(data, world.stranger)
    with pytest.raises(errors.SignatureBad):
        world.open(forged)


def test_a_wrap_moved_to_another_number_school_kind_or_sender_does_not_open(world):
    """A known sender takes another's sealed file and signs it as his own."""
    data, _ = world.pack(b"rahasia", sender=world.stranger, scope=OTHER_SCHOOL)
    claimed = resign(data, world.device, sender=world.device.key_id, scope=container.scope_bytes(SCHOOL))
    with pytest.raises(errors.WrapBad):
        world.open(claimed)
    own, _ = world.pack()
    for changed in ({"number": 2}, {"commitment": bytes(32)}):
        with pytest.raises(errors.WrapBad):
            world.open(resign(own, world.device, **changed))


def test_a_wrap_of_another_file_key_breaks_the_commitment(world):
    """A sender who means to show two receivers two contents in one file."""
    data, _ = world.pack()
    header = header_of(data)
    other = wraps.wrap(world.suite, world.server.public.seal_key, b"lain" * 8, wrap_info(header))
    with pytest.raises(errors.WrapBad):
        world.open(resign(data, world.device, wraps=(Wrap(world.server.key_id, other),)))


def signed_body(world: World, body: bytes, body_key_of: bytes = b"F" * 32) -> bytes:
    """Return a file around a body of the attacker's making, who is a known sender."""
    commitment = chunks.split_file_key(body_key_of)[1]
    bare = Header(
        world.suite, PackageKind.KIRIM, container.scope_bytes(SCHOOL), 1, world.device.key_id,
        len(body), hashlib.sha256(body).digest(), commitment, (),
    )  # fmt: skip
    wrap = wraps.wrap(world.suite, world.server.public.seal_key, body_key_of, wrap_info(bare))
    whole = dataclasses.replace(bare, wraps=(Wrap(world.server.key_id, wrap),))
    prefix = container.signed_prefix(container.encode_header(whole))
    return prefix + world.device.sign(HEADER_DOMAIN + prefix) + body


def test_chunks_changed_moved_left_out_or_added_do_not_open(world):
    key = chunks.split_file_key(b"F" * 32)[0]
    other = chunks.split_file_key(b"G" * 32)[0]
    one, two, three = list(chunks.seal_chunks(key, [b"a" * CHUNK_BYTES, b"b" * CHUNK_BYTES, b"c" * 100]))
    foreign = list(chunks.seal_chunks(other, [b"x" * CHUNK_BYTES, b"y"]))
    assert world.read(signed_body(world, one + two + three)).count(b"b") == CHUNK_BYTES
    for body in (
        one + two,  # the end left out
        one,
        two + three,  # the front left out
        one + three,
        two + one + three,  # moved
        one + one + two + three,
        one + two + two,  # one more after
        one + two + three[:-1] + bytes([three[-1] ^ 1]),
        one + two + three[:-1],
        foreign[0] + two + three,
        foreign[0] + foreign[1],  # another file key's
        three,  # a last chunk at another place
        one + two + three + bytes(CHUNK_BYTES + 16 - len(three)),
        bytes(16),
    ):
        with pytest.raises(errors.ChunkBad):
            world.open(signed_body(world, body))


def test_an_empty_last_chunk_after_others_cannot_even_be_announced(world):
    key = chunks.split_file_key(b"F" * 32)[0]
    (full,) = list(chunks.seal_chunks(key, [b"a" * CHUNK_BYTES]))
    with pytest.raises(ValueError, match="does not fit"):
        signed_body(world, full + bytes(16))


def test_a_repeat_is_told_as_one_and_only_if_it_is_whole(world):
    data, sealed = world.pack()
    repeat = world.open(data, seen=lambda package_id: package_id == sealed.package_id)
    assert repeat == Duplicate(header_of(data), sealed.package_id)
    with pytest.raises(errors.FileCut):
        world.open(data[:-1], seen=lambda _: True)
    with pytest.raises(errors.SignatureBad):
        world.open(resign(data, world.stranger), seen=lambda _: True)


def test_a_repeat_is_told_without_a_private_key_being_used(world):
    data, _ = world.pack()
    powerless = Identity(KeyKind.PUSAT, world.suite, b"", b"", world.server.public.verify_key)
    found = open_package(
        io.BytesIO(data), kinds=set(PackageKind), find=world.find,
        identities={world.server.key_id: powerless}, seen=lambda _: True,
    )  # fmt: skip
    assert isinstance(found, Duplicate)


def test_a_full_disk_has_its_code_and_leaves_nothing(world, tmp_path):
    data, _ = world.pack(bytes(3 * MIB))
    missing = tmp_path / "tidak ada"
    with pytest.raises(errors.FolderUnwritable):
        world.open(data, folder=missing)
    with pytest.raises(errors.FolderUnwritable):
        world.pack(bytes(3 * MIB), folder=missing)
    assert list(tmp_path.iterdir()) == []


class Failing(io.BytesIO):
    """A medium that was pulled out."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_medium_that_fails_while_read_has_its_code(world):
    with pytest.raises(errors.FileUnreadable):
        open_package(Failing(b"x"), kinds=set(PackageKind), find=world.find, identities={})


# --- forged chains of certificates --------------------------------------------------------------


def refused_part(world: World, *certificates: SignedCertificate, sender: Identity | None = None) -> str:
    data, _ = world.pack(sender=sender, certificates=certificates)
    with pytest.raises(errors.CertificateBad) as caught:
        world.open(data)
    return caught.value.part


def test_a_stranger_cannot_bring_his_own_chain(world):
    """He makes a code, a root, a laptop of his own; none of them hangs on a key that is trusted."""
    code = made("kode palsu", KeyKind.KODE_PERANGKAT, world.suite)
    own = issue(code, KeyKind.PERANGKAT, world.stranger.public, SCHOOL, 1)
    assert refused_part(world, own, sender=world.stranger) == "issuer"
    by_himself = issue(world.stranger, KeyKind.PERANGKAT, world.stranger.public, SCHOOL, 1)
    assert refused_part(world, by_himself, sender=world.stranger) == "issuer"


def test_a_certificate_after_the_one_that_needs_it_comes_too_late(world):
    new = made("laptop baru", KeyKind.PERANGKAT, world.suite)
    newer = made("laptop lebih baru", KeyKind.PERANGKAT, world.suite)
    first = issue(world.device, KeyKind.PERANGKAT, new.public, SCHOOL, 2)
    second = issue(new, KeyKind.PERANGKAT, newer.public, SCHOOL, 3)
    assert refused_part(world, second, first, sender=newer) == "issuer"
    data, _ = world.pack(sender=newer, certificates=[first, second])
    package = world.open(data)
    assert isinstance(package, VerifiedPackage)
    assert [s.certificate.serial for s in package.admitted] == [2, 3]


def test_certificates_of_another_school_do_not_ride(world):
    code = made("kode lain", KeyKind.KODE_PERANGKAT, world.suite)
    world.trust(anchor(code.public, OTHER_SCHOOL))
    elsewhere = issue(code, KeyKind.PERANGKAT, world.stranger.public, OTHER_SCHOOL, 1)
    assert refused_part(world, elsewhere, sender=world.stranger) == "scope"


def test_a_code_of_another_school_certifies_nothing_here(world):
    code = made("kode lain", KeyKind.KODE_PERANGKAT, world.suite)
    world.trust(anchor(code.public, OTHER_SCHOOL))
    assert refused_part(world, issue(code, KeyKind.PERANGKAT, world.stranger.public, SCHOOL, 1)) == "issuer"


def test_a_school_brings_no_server_keys_and_a_server_no_schools(world):
    assert refused_part(world, world.root_by_code) == "kind"
    school = World(world.suite).at_the_school()
    data, _ = school.pack(kind=PackageKind.BALASAN, certificates=[school.head_by_code])
    with pytest.raises(errors.CertificateBad, match="kind"):
        school.open(data)


def test_a_damaged_certificate_is_refused_though_the_header_is_signed(world):
    signed = issue(world.device, KeyKind.PERANGKAT, world.stranger.public, SCHOOL, 2)
    bad_signature = SignedCertificate(signed.body, bytes(64), signed.certificate)
    assert refused_part(world, bad_signature) == "signature"
    longer = SignedCertificate(b"\xdc\x00\x0a" + signed.body[1:], signed.signature, signed.certificate)
    assert refused_part(world, longer) == "encoding"


def test_an_unsound_key_is_not_admitted_even_when_rightly_signed(world):
    unsound = dataclasses.replace(world.stranger.public, verify_key=b"\x01" + bytes(31))
    certificate = dataclasses.replace(anchor(unsound, SCHOOL), serial=1, issuer=world.device.key_id)
    body = container.pack(
        [1, 3, unsound.suite, certificate.scope, 1, unsound.verify_key, unsound.seal_key, b"", certificate.issuer, 0]
    )
    signed = SignedCertificate(body, world.device.sign(b"kirim/1 sertifikat\x00" + body), certificate)
    assert refused_part(world, signed) == "verify key"


def test_an_older_certificate_for_a_known_key_changes_nothing(world):
    newer = issue(world.code, KeyKind.PERANGKAT, world.device.public, SCHOOL, 5)
    world.trust(newer)
    data, _ = world.pack(certificates=[world.device_by_code])
    package = world.open(data)
    assert isinstance(package, VerifiedPackage)
    assert package.admitted == ()
    assert package.sender.serial == 5


def test_a_server_key_that_the_root_retired_no_longer_signs():
    world = World().at_the_school()
    data, _ = world.pack(kind=PackageKind.BALASAN)
    assert world.read(data) == b"perubahan"
    later_root = issue(world.root, KeyKind.AKAR, world.root.public, NO_SCOPE, 2, lowest=2)
    new_server = made("pusat baru", KeyKind.PUSAT)
    new_by_root = issue(world.root, KeyKind.PUSAT, new_server.public, NO_SCOPE, 2)
    rotated, _ = world.pack(kind=PackageKind.BALASAN, sender=new_server, certificates=[later_root, new_by_root])
    package = world.open(rotated)
    assert isinstance(package, VerifiedPackage)
    world.trust(*package.admitted)
    with pytest.raises(errors.CertificateBad, match="serial"):
        world.open(data)


def test_an_old_roots_certificate_for_a_new_root_carries_on(world):
    school = World(world.suite).at_the_school()
    spare = made("akar cadangan", KeyKind.AKAR, world.suite)
    new_server = made("pusat baru", KeyKind.PUSAT, world.suite)
    chain = [
        issue(school.root, KeyKind.AKAR, spare.public, NO_SCOPE, 2),
        issue(spare, KeyKind.PUSAT, new_server.public, NO_SCOPE, 1),
    ]
    data, _ = school.pack(kind=PackageKind.BALASAN, sender=new_server, certificates=chain)
    assert school.read(data) == b"perubahan"


def test_a_new_head_comes_with_the_code_made_for_him(world):
    world.trust(anchor(world.head_code.public, SCHOOL, ASSIGNMENT))
    new = made("kepala baru", KeyKind.KEPALA, world.suite)
    data, _ = world.pack(certificates=[issue(world.head_code, KeyKind.KEPALA, new.public, SCHOOL, 1, ASSIGNMENT)])
    package = world.open(data)
    assert isinstance(package, VerifiedPackage)
    assert package.admitted[0].certificate.subject == ASSIGNMENT


# --- what anybody may see -----------------------------------------------------------------------


def test_anybody_sees_kind_school_number_size_and_wholeness(world):
    data, sealed = world.pack(number=42, certificates=[world.device_by_code])
    seen = inspect_package(io.BytesIO(data))
    assert seen.header is not None
    assert (seen.header.kind, seen.header.scope_id, seen.header.number) == (PackageKind.KIRIM, SCHOOL, 42)
    assert (seen.size, seen.package_id, seen.whole, seen.error) == (len(data), sealed.package_id, True, None)
    assert seen.certificates == (world.device_by_code.certificate,)


@pytest.mark.parametrize(
    ("damage", "code", "header"),
    [
        (lambda data: b"", "KF-204", False),
        (lambda data: b"\xff\xd8\xff\xe0 a photograph", "KF-201", False),
        (lambda data: data[:-1], "KF-204", True),
        (lambda data: data + b"\x00", "KF-205", True),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "KF-206", True),
        (lambda data: data[:40], "KF-204", False),
        (lambda data: data[:12] + bytes([data[12] ^ 1]) + data[13:], "KF-203", False),
        (lambda data: data[:8] + b"\x02" + data[9:], "KF-202", False),
    ],
)
def test_looking_never_raises_and_names_the_damage(world, damage, code, header):
    seen = inspect_package(io.BytesIO(damage(world.pack()[0])))
    assert seen.error is not None
    assert (seen.error.code, seen.whole, seen.header is not None) == (code, False, header)


def test_looking_at_a_certificate_that_cannot_be_read_still_says_that_the_file_is_whole(world):
    odd = SignedCertificate(b"\x00", bytes(64), world.device_by_code.certificate)
    seen = inspect_package(io.BytesIO(world.pack(certificates=[odd])[0]))
    assert seen.error is not None
    assert (seen.whole, seen.error.code, seen.certificates) == (True, "KF-303", ())


class Gone(io.BytesIO):
    """A medium of which not even the size can be told."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError(19, "No such device")


def test_looking_at_a_medium_that_fails_raises_nothing():
    for medium, size in ((Failing(b"x"), 1), (Gone(b"x"), 0)):
        seen = inspect_package(medium)
        assert seen.error is not None
        assert (seen.error.code, seen.size, seen.whole) == ("KF-702", size, False)
