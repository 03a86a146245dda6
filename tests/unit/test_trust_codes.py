"""Registration codes: typed by people, worth 122 bits."""

from __future__ import annotations

import uuid

import pytest
from trust_world import OTHER_SCHOOL, SCHOOL

from exchange import errors
from exchange.format.certificate import KeyKind
from exchange.trust.codes import code_identity, new_code, parse_code

CODE = "9f1c2e3d-4a5b-4c6d-8e7f-0123456789ab"
RAW = uuid.UUID(CODE).bytes


def test_a_new_code_is_a_version_4_uuid_and_never_the_same():
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(uuid.UUID(code).version == 4 and len(code) == 36 and parse_code(code) for code in codes)


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.upper(),
        CODE.replace("-", ""),
        CODE.replace("-", " "),
        f"  {CODE}\r\n",
        CODE.replace("-", "\u2013"),
        CODE.replace("-", "\u2011"),
        "\ufeff" + CODE + "\u00a0",
        "9f1c 2e3d 4a5b 4c6d 8e7f 0123 4567 89ab",
        "9-f-1-c" + CODE[4:],
        "\u200b" + CODE.replace("-", "\f"),
    ],
)
def test_case_hyphens_and_spaces_do_not_count(typed):
    assert parse_code(typed) == RAW


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "123456789",
        CODE[:-1],
        CODE + "0",
        CODE.replace("9", "g"),
        CODE.replace("0", "O"),
        CODE.replace("4c6d", "1c6d"),
        CODE.replace("8e7f", "ce7f"),
        CODE.replace("9", "９"),
        "{" + CODE + "}",
        CODE.replace("-", "_"),
        "\0" * 32,
        CODE[:-2] + "\x1f\x1f",
        "4" * 14 + "\v" * 18,
    ],
)
def test_what_is_no_code_is_refused(typed):
    with pytest.raises(errors.CodeWrong) as caught:
        parse_code(typed)
    assert typed.strip() == "" or typed not in str(caught.value)


def test_one_code_gives_one_pair_of_keys_for_one_school():
    one = code_identity(RAW, SCHOOL)
    assert one == code_identity(parse_code(CODE.upper()), SCHOOL)
    assert one.suite == 2
    others = [code_identity(RAW, OTHER_SCHOOL), code_identity(RAW[::-1], SCHOOL)]
    assert len({i.public.verify_key for i in [one, *others]}) == len({i.public.seal_key for i in [one, *others]}) == 3


def test_the_purpose_is_part_of_the_id_not_of_the_keys():
    device, head = code_identity(RAW, SCHOOL), code_identity(RAW, SCHOOL, KeyKind.KODE_KEPALA)
    assert device.public.verify_key == head.public.verify_key
    assert device.key_id != head.key_id


def test_a_code_has_no_other_purpose():
    for purpose in (KeyKind.PUSAT, KeyKind.AKAR, KeyKind.PERANGKAT):
        with pytest.raises(ValueError, match="two purposes"):
            code_identity(RAW, SCHOOL, purpose)
    with pytest.raises(ValueError, match="16 bytes"):
        code_identity(RAW[:-1], SCHOOL)
