"""The program as people and scripts meet it: real processes, their output, their exit status."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from exchange import errors, words
from exchange.cli.door import LOG, LOG_BYTES_MAX, _Ending, run
from exchange.cli.frame import Asked
from exchange.cli.root import root

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "kalimat sandi contoh"
CONTRACT = {
    "kirim school": "init import status validate export apply receipt download",
    "kirim server": "init ingest watch return change status waive rebuild public filekey receipt school ref kip",
    "kirim server school": "add code",
    "kirim server ref": "import",
    "kirim server kip": "import",
    "kirim": "school server verify inspect explain demo",
}
"""Commands that scripts rely on."""


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KIRIM_") and k != "LANGUAGE"}
    return clean | {"PYTHONPATH": str(ROOT)} | more


def words_of(arguments):
    """Return arguments as a list: a lone text is taken apart at its blanks."""
    return arguments[0].split() if len(arguments) == 1 and isinstance(arguments[0], str) else [*map(str, arguments)]


class Program:
    """``kirim`` in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *arguments, **env):
        """Run one command: words in one text, or each by itself."""
        command = [sys.executable, "-m", "exchange", *words_of(arguments)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *arguments, **more):
        command = [sys.executable, "-m", "exchange", *words_of(arguments)]
        return subprocess.Popen(command, cwd=self.folder, env=environment(), **more)


@pytest.fixture
def kirim(tmp_path):
    return Program(tmp_path)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server with one school whose laptop is not set up yet, made by the program itself."""
    folder = tmp_path_factory.mktemp("dunia")
    kirim = Program(folder)
    assert kirim("server", "init", "--home", "pusat").returncode == 0
    added = kirim(
        *("server", "school", "add", "--home", "pusat", "--json", "--npsn", "00000001", "--bentuk", "SD"),
        *("--name", "SD Contoh", "--head", "KEPALA CONTOH"),
    )
    (folder / "sandi.txt").write_text(f"{PASSPHRASE}\nketerangan\n")
    kirim.added = json.loads(added.stdout)
    return kirim


def document(done):
    """Return the one document that stands on standard output."""
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def every_command(command=root, name="kirim"):
    """Yield (name, command) for every command and group."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            yield from every_command(command.get_command(context, below), f"{name} {below}")


COMMANDS = dict(every_command())


# --- names, help, version ---------------------------------------------------------------------


@pytest.mark.parametrize("group", CONTRACT)
def test_the_commands_of_the_contract_are_there(group):
    there = COMMANDS[group].list_commands(click.Context(COMMANDS[group]))
    assert set(CONTRACT[group].split()) <= set(there)


def test_the_version_is_one_line(kirim):
    assert re.fullmatch(r"kirim \d+\.\d+\.\d+\n", kirim("--version").stdout)
    assert document(kirim("--version", "--json")).keys() == {"version"}


def test_help_is_indonesian_and_english_if_asked_wherever_it_stands(kirim):
    assert kirim("--help").stdout.startswith("Penggunaan: kirim [OPSI] PERINTAH [ARGUMEN]...")
    for done in (
        kirim("--lang", "en", "-h"),
        kirim("-h", "--lang=en"),
        kirim("-h", KIRIM_LANG="en"),
        kirim("-h", KIRIM_LANG="en_GB.UTF-8"),
    ):
        assert done.returncode == 0
        assert done.stdout.startswith("Usage: kirim [OPTIONS] COMMAND [ARGS]...")
    assert kirim("-h", "--lang", "id", KIRIM_LANG="en").stdout.startswith("Penggunaan:")
    assert kirim("-h", KIRIM_LANG="fr").stdout.startswith("Penggunaan:")


ENGLISH = r"\b(the|and|of|which|where|with|when|its|Usage|Options|Commands|Show|Print|default|required)\b"


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_holds_a_word_of_english(name, capsys):
    assert run([*name.split()[1:], "--help"]) == 0
    text = capsys.readouterr().out
    assert not re.search(ENGLISH, text)
    for parameter in COMMANDS[name].params:
        if parameter.name == "db" and name != "kirim" and "server" not in name:
            continue
        assert not isinstance(parameter, click.Option) or set(parameter.opts) <= set(re.findall(r"--?[a-z-]+", text))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_common_options(name):
    taken = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {"--home", "--db", "--json", "--lang"} <= taken


def test_no_option_takes_a_secret():
    taken = {option for command in COMMANDS.values() for parameter in command.params for option in parameter.opts}
    assert {"--passphrase-file", "--code-file"} <= taken
    assert not taken & {"--passphrase", "--code", "--password"}


def test_help_imports_no_library_that_a_command_needs():
    """Start-up is what an old laptop pays for every command."""
    code = "import sys; from exchange.cli.door import run; run(['school', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"click", "exchange.cli.school"} <= loaded
    heavy = {"cryptography", "msgpack", "sqlalchemy", "sqlite3", "zstandard", "openpyxl", "xlsxwriter", "watchdog"}
    assert not loaded & (heavy | {"exchange.schema.tables", "exchange.packager", "exchange.errors"})


# --- common options ---------------------------------------------------------------------------


def test_common_options_stand_before_and_behind_and_the_last_one_counts(kirim):
    done = kirim("--home", "a", "--json", "server", "--home", "b", "init", "--home", "c", KIRIM_HOME="d")
    assert document(done).keys() >= {"key_id", "fingerprint"}
    assert [path.name for path in kirim.folder.iterdir()] == ["c"]


def test_the_home_is_the_variable_then_the_current_folder(kirim):
    assert kirim("server", "init", KIRIM_HOME="rumah").returncode == 0
    assert (kirim.folder / "rumah" / "server.db").exists()
    assert kirim("server", "init").returncode == 0
    assert (kirim.folder / "server.db").exists()


def test_another_database_is_named_by_option_or_variable(kirim):
    url = f"sqlite:///{kirim.folder / 'lain.db'}"
    assert kirim("server", "init", "--home", "pusat", "--db", url).returncode == 0
    assert (kirim.folder / "lain.db").exists()
    assert kirim("server", "status", "--home", "pusat", KIRIM_DB=url).returncode == 0
    assert kirim("server", "status", "--home", "pusat").returncode == 1


# --- how a command ends -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["entah"],
        ["school", "entah"],
        ["school", "export", "--entah"],
        ["inspect"],
        ["school", "download", "daftar-entah", "x.xlsx"],
        ["server", "change", "x.csv"],
        ["server", "return"],
        ["server", "school", "add", "--npsn", "00000001"],
        ["server", "school", "add", "--npsn", "00000001", "--file", "x.csv"],
        ["explain", "KF-999"],
        ["--lang", "fr", "explain", "KF-401"],
        [],
        ["school"],
    ],
)
def test_wrong_usage_is_status_2_with_and_without_json(kirim, arguments):
    done = kirim(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Penggunaan: kirim")
    assert "Traceback" not in done.stderr
    told = kirim(*arguments, "--json")
    assert told.returncode == 2
    assert told.stderr == ""
    assert document(told)["error"]["code"] == "KF-112"
    assert document(told)["error"].keys() == {"code", "what", "next", "safe"}
    assert list(kirim.folder.iterdir()) == []


def test_a_refusal_is_status_1_and_three_lines_on_standard_error(kirim):
    done = kirim("school", "status", "--home", "kosong")
    assert (done.returncode, done.stdout) == (1, "")
    home = kirim.folder / "kosong"
    assert done.stderr.splitlines() == [
        f"KF-101 (perlu tindakan): {home} bukan folder kerja sekolah",
        "Langkah (operator): sebutkan folder yang benar dengan --home, atau jalankan init di sana",
        "Aman: tidak ada yang dibaca atau diubah",
    ]
    assert list(kirim.folder.iterdir()) == []


def test_a_refusal_with_json_is_one_document_and_nothing_else(kirim):
    done = kirim("--json", "school", "status", "--home", "kosong", "--lang", "en")
    assert (done.returncode, done.stderr) == (1, "")
    assert document(done) == {
        "error": {
            "code": "KF-101",
            "what": f"{kirim.folder / 'kosong'} is not the home of a school",
            "next": "name the right folder with --home, or run init there first",
            "safe": "nothing was read or changed",
        }
    }


@pytest.mark.parametrize("place", ["berkas", "berkas/dalam"])
def test_a_home_that_cannot_be_is_refused_with_a_code(kirim, place):
    (kirim.folder / "berkas").write_text("bukan folder")
    for arguments in (["school", "status"], ["server", "status"], ["server", "init"]):
        done = kirim(*arguments, "--home", place, "--json")
        assert done.returncode == 1
        assert document(done)["error"]["code"] in {"KF-101", "KF-702", "KF-703"}
        assert done.stderr == ""


def test_a_fault_of_our_own_ends_with_a_code_and_its_place_and_no_value(tmp_path, capsys):
    (tmp_path / "inbox").mkdir()
    with _Ending(Asked(tmp_path)) as ending:
        raise ZeroDivisionError("NIK 9900000000000001")
    assert ending.status == 1
    shown = capsys.readouterr().err
    assert shown.startswith("KF-901 (gawat): ")
    assert "ZeroDivisionError, test_cli_general.py:" in shown
    log = (tmp_path / LOG).read_text()
    assert "builtins.ZeroDivisionError" in log
    assert "99000" not in shown + log
    assert "Traceback" not in shown


def test_the_log_of_faults_begins_anew_before_it_grows_without_end(tmp_path, capsys):
    (tmp_path / "inbox").mkdir()
    (tmp_path / LOG).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / LOG).write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    with _Ending(Asked(tmp_path)):
        raise LookupError
    assert b"x" not in (tmp_path / LOG).read_bytes()[:1]
    assert (tmp_path / LOG).stat().st_size < 10_000


def test_a_fault_outside_a_home_leaves_nothing_behind(tmp_path, capsys):
    with _Ending(Asked(tmp_path, json=True)):
        raise LookupError
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "KF-901"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort(), EOFError()])
def test_a_stopped_command_says_that_it_can_be_run_again(tmp_path, capsys, error):
    with _Ending(Asked(tmp_path)) as ending:
        raise error
    assert ending.status == 1
    assert capsys.readouterr().err.startswith("KF-113 (catatan): perintah dihentikan sebelum selesai")


def test_nobody_reading_is_no_fault(kirim):
    read, write = os.pipe()
    os.close(read)
    process = kirim.start("explain", "KF-401", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert process.communicate()[1] == b""
    assert process.returncode == 1


def test_an_inner_command_gives_the_language_back(capsys):
    from exchange.cli import main

    with words.speaking("id"), pytest.raises(SystemExit):
        main(["explain", "KF-401", "--lang", "en"])
    assert "the package is verified and kept" in capsys.readouterr().out
    assert words.language() == "id"
    assert "LANGUAGE" not in os.environ


# --- explain ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for code, _ in errors.all_codes()])
def test_every_code_is_explained(code, capsys):
    assert run(["explain", code, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.keys() >= {"code", "what", "next", "safe", "who", "grave"}
    assert "{" not in "".join(map(str, told.values()))
    assert run(["explain", code]) == 0
    assert capsys.readouterr().out.startswith(f"{code}: ")


@pytest.mark.parametrize("typed", ["KF-401", "kf-401", "kf401", "401", " KF-401 "])
def test_a_code_is_found_however_it_is_typed(kirim, typed):
    assert document(kirim("explain", typed, "--json"))["code"] == "KF-401"


def test_rules_of_validasi_lokal_are_explained_too(kirim):
    told = document(kirim("explain", "pd-10", "--json"))
    assert told["rules"][0]["level"] == "invalid"
    assert "Yang invalid menghentikan ekspor" in kirim("explain", "PD-10").stdout
    assert "sebaiknya diisi" in kirim("explain", "SEK-03").stdout


# --- inspect ----------------------------------------------------------------------------------


def test_inspect_shows_what_anybody_may_see(world):
    prefill = Path(world.added["prefill"])
    told = document(world("inspect", prefill, "--json"))
    assert told["kind"] == "prefill"
    assert told["sekolah_id"] == world.added["sekolah_id"]
    assert told["bytes"] == prefill.stat().st_size
    assert told["whole"] is True
    assert told["problem"] is None
    assert told["file"] == str(prefill)
    shown = world("inspect", prefill)
    assert shown.returncode == 0
    assert f"sidik                 {told['fingerprint']}" in shown.stdout
    assert "SD Contoh" not in shown.stdout


def test_inspect_names_a_damaged_file_and_fails(world, tmp_path):
    data = Path(world.added["prefill"]).read_bytes()
    for name, changed, code in (
        ("terpotong", data[:-1], "KF-204"),
        ("panjang", data + b"\0", "KF-205"),
        ("rusak", data[:-1] + bytes([data[-1] ^ 1]), "KF-206"),
    ):
        (tmp_path / name).write_bytes(changed)
        done = world("inspect", tmp_path / name, "--json")
        assert done.returncode == 1
        assert (document(done)["whole"], document(done)["problem"]["code"]) == (False, code)
        assert f"{code} (" in world("inspect", tmp_path / name).stdout


@pytest.mark.parametrize(("content", "code"), [(b"\xff\xd8\xff\xe0 foto", "KF-201"), (b"", "KF-201"), (None, "KF-702")])
def test_inspect_refuses_what_is_no_package(kirim, content, code):
    if content is not None:
        (kirim.folder / "berkas").write_bytes(content)
    done = kirim("inspect", "berkas", "--json")
    assert done.returncode == 1
    assert document(done)["error"]["code"] in {code, "KF-204"}


def test_a_file_name_cannot_steer_the_terminal(kirim):
    name = "KIRIM\x1b[2J\u202e.kirim"
    (kirim.folder / name).write_bytes(b"foto")
    done = kirim("server", "init", "--home", "pusat")
    done = kirim("server", "ingest", name, "--home", "pusat")
    assert done.returncode == 3
    assert "\\x1b[2J" in done.stdout
    assert not re.search("[\x1b\u202e]", done.stdout + done.stderr)


# --- secrets ----------------------------------------------------------------------------------


def test_without_a_terminal_a_missing_secret_is_an_error_not_a_question(world, tmp_path):
    done = world("school", "init", world.added["prefill"], "--home", tmp_path / "s", "--json")
    assert document(done)["error"]["code"] == "KF-108"
    assert "--code-file" in document(done)["error"]["next"]
    assert not (tmp_path / "s").exists()


def test_secrets_come_from_files_or_the_environment(world, tmp_path):
    prefill, code_file = world.added["prefill"], world.added["code_file"]
    by_file = world(
        *("school", "init", prefill, "--home", tmp_path / "a", "--json"),
        *("--code-file", code_file, "--passphrase-file", "sandi.txt"),
        KIRIM_CODE="salah",
        KIRIM_PASSPHRASE="salah",
    )
    assert document(by_file)["npsn"] == "00000001"
    code = Path(code_file).read_text().splitlines()[0]
    by_variable = world(
        *("school", "init", prefill, "--home", tmp_path / "b", "--json"), KIRIM_CODE=code, KIRIM_PASSPHRASE=PASSPHRASE
    )
    assert document(by_variable)["sekolah_id"] == world.added["sekolah_id"]


@pytest.mark.parametrize(("passphrase", "code"), [("pendek", "KF-107"), ("", "KF-107")])
def test_a_short_passphrase_is_refused(world, tmp_path, passphrase, code):
    (tmp_path / "sandi").write_text(passphrase)
    done = world(
        *("school", "init", world.added["prefill"], "--home", tmp_path / "s", "--json"),
        *("--code-file", world.added["code_file"], "--passphrase-file", tmp_path / "sandi"),
    )
    assert document(done)["error"]["code"] == code


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00\xd8"])
def test_a_secrets_file_that_cannot_be_read_is_an_error(world, tmp_path, content):
    if content is not None:
        (tmp_path / "sandi").write_bytes(content)
    done = world(
        *("school", "init", world.added["prefill"], "--home", tmp_path / "s", "--json"),
        *("--code-file", tmp_path / "sandi", "--passphrase-file", "sandi.txt"),
    )
    assert document(done)["error"]["code"] == "KF-702"


def typed(program, answers, *arguments):
    """Run a command at a terminal, type the answers as it asks, and return its status and all that was shown."""
    ours, theirs = pty.openpty()
    process = program.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown, waiting = "", list(answers)
    while True:
        if not select.select([ours], [], [], 60)[0]:
            process.kill()
            break
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece.decode(errors="replace")
        if waiting and re.search(waiting[0][0], shown.rpartition("\n")[2]):
            time.sleep(0.05)  # the prompt is shown before it turns the echo off
            os.write(ours, waiting.pop(0)[1].encode() + b"\n")
    os.close(ours)
    return process.wait(), shown


def test_at_a_terminal_the_code_is_seen_and_the_new_passphrase_asked_unseen_and_twice(world, tmp_path):
    code = Path(world.added["code_file"]).read_text().splitlines()[0]
    answers = [("Kode registrasi: ", code), ("Kata sandi kepala sekolah: ", PASSPHRASE), ("Sekali lagi: ", PASSPHRASE)]
    arguments = ["school", "init", world.added["prefill"], "--home", tmp_path / "s"]
    status, shown = typed(world, answers, *arguments)
    assert status == 0, shown
    assert "SD Contoh (NPSN 00000001) siap di" in shown
    assert PASSPHRASE not in shown
    assert code in shown, "36 characters that are used once: whoever types them sees them"


def test_ctrl_d_at_a_question_leaves_nothing_behind(world, tmp_path):
    status, shown = typed(
        world, [("Kode registrasi: ", "\x04")], "school", "init", world.added["prefill"], "--home", tmp_path / "s"
    )
    assert status == 1
    assert "KF-113" in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "s").exists()


# --- the whole way ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def laptop(world):
    done = world(
        *("school", "init", world.added["prefill"], "--home", "sekolah", "--json"),
        *("--code-file", world.added["code_file"], "--passphrase-file", "sandi.txt"),
    )
    assert done.returncode == 0, done.stdout
    return world


def test_the_sheet_is_shown_and_ticked_and_the_consent_is_asked_before_anything_is_written(laptop):
    before = set((laptop.folder / "sekolah" / "outbox").iterdir())
    answers = [(r"Sekolah: .* Benar\? \[y/t/semua\]: ", "semua"), (r"pengiriman ini\? \[y/t\]: ", "t")]
    status, shown = typed(laptop, answers, "school", "export", "--home", "sekolah", "--passphrase-file", "sandi.txt")
    assert (status, "KF-313" in shown) == (1, True), shown
    assert "Lembar Konfirmasi" in shown
    assert "KEPALA CONTOH" in shown
    assert set((laptop.folder / "sekolah" / "outbox").iterdir()) == before


def test_without_a_terminal_an_export_needs_confirm(laptop):
    done = laptop("school", "export", "--home", "sekolah", "--passphrase-file", "sandi.txt", "--json")
    assert (done.returncode, document(done)["error"]["code"]) == (1, "KF-313")


def test_a_round_trip_in_json_has_absolute_paths_and_the_keys_of_the_contract(laptop):
    exported = document(laptop("school export --confirm --home sekolah --passphrase-file sandi.txt --json"))
    assert exported.keys() >= {"file", "package_id", "number", "changes", "bytes"}
    file = Path(exported["file"])
    assert file.is_absolute()
    assert file.stat().st_size == exported["bytes"]
    taken = document(laptop("server", "ingest", file, "--home", "pusat", "--json"))
    assert taken["files"][0].keys() >= {"file", "status", "code", "npsn", "number", "changes"}
    assert {"applied", "duplicate", "held", "quarantined"} <= taken.keys()
    written = document(laptop("server return --npsn 00000001 --home pusat --json"))["written"]
    assert written[0].keys() >= {"npsn", "file", "number", "changes"}
    applied = laptop("school", "apply", written[0]["file"], "--home", "sekolah", "--json")
    assert applied.returncode == 0
    assert document(applied).keys() >= {"incoming", "replaced", "acknowledged", "conflicts", "refused"}
    again = laptop("school", "apply", written[0]["file"], "--home", "sekolah", "--json")
    assert (again.returncode, document(again)["incoming"]) == (0, {})
    status = document(laptop("school", "status", "--home", "sekolah", "--json"))
    assert status.keys() >= {
        *("pending", "sent", "acknowledged", "applied_return", "last_exported_at", "last_applied_at"),
        *("open", "conflicts", "blocked"),
    }
    assert document(laptop("school", "validate", "--home", "sekolah", "--json")).keys() >= {
        "invalid",
        "warning",
        "findings",
    }


def test_what_people_read_of_a_round_trip_is_indonesian(laptop):
    out = laptop("school export --confirm --home sekolah --passphrase-file sandi.txt")
    assert out.returncode == 0
    assert out.stderr.startswith("Lembar Konfirmasi")
    assert out.stdout.startswith("Ditulis dan dibaca ulang: ")
    for arguments in (
        ["school", "status", "--home", "sekolah"],
        ["school", "validate", "--home", "sekolah"],
        ["server", "status", "--home", "pusat"],
        ["server", "return", "--npsn", "00000001", "--home", "pusat"],
        ["school", "download", "daftar-pd", "pd.xlsx", "--home", "sekolah"],
        ["server", "school", "code", "--npsn", "00000001", "--home", "pusat"],
    ):
        done = laptop(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert not re.search(r"\b(the|and|is|are|with|row|rows|file|school|package|nothing)\b", done.stdout), (
            done.stdout
        )


def test_a_list_that_is_there_already_is_not_overwritten(laptop):
    (laptop.folder / "guru.xlsx").write_text("isi")
    done = laptop("school", "download", "daftar-guru", "guru.xlsx", "--home", "sekolah", "--json")
    assert (done.returncode, document(done)["error"]["code"]) == (1, "KF-705")
    assert (laptop.folder / "guru.xlsx").read_text() == "isi"


def test_several_lists_are_taken_each_by_itself(laptop):
    (laptop.folder / "bukan.xlsx").write_text("bukan Excel")
    assert laptop("school", "download", "daftar-pd", "sama.xlsx", "--home", "sekolah").returncode == 0
    both = laptop("school", "import", "sama.xlsx", "bukan.xlsx", "--home", "sekolah", "--json")
    assert both.returncode == 3
    assert [one["code"][:4] for one in document(both)["failed"]] == ["KF-2"]
    assert document(both)["problems"] == []
    alone = laptop("school", "import", "bukan.xlsx", "--home", "sekolah", "--json")
    assert (alone.returncode, document(alone)["error"]["code"][:4]) == (1, "KF-2")


def test_no_return_that_can_be_applied_is_status_1_and_some_is_3(laptop):
    made = document(laptop("server return --npsn 00000001 --home pusat --json"))["written"][0]["file"]
    (laptop.folder / "foto.jpg").write_bytes(b"foto")
    none = laptop("school", "apply", "foto.jpg", "--home", "sekolah", "--json")
    assert none.returncode == 1
    assert document(none)["error"]["code"] == "KF-201"
    some = laptop("school", "apply", "foto.jpg", made, "--home", "sekolah", "--json")
    assert some.returncode == 3
    assert [one["code"] for one in document(some)["failed"]] == ["KF-201"]
    assert "error" not in document(some)


def test_one_refused_file_makes_status_3_and_json_names_every_file(laptop, tmp_path):
    (tmp_path / "foto.jpg").write_bytes(b"foto")
    (tmp_path / "kosong").touch()
    done = laptop("server", "ingest", tmp_path, "--home", "pusat", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    assert [Path(one["file"]).name for one in document(done)["files"]] == ["foto.jpg", "kosong"]


def test_a_watch_prints_one_document_a_file_and_ends_on_a_signal(laptop):
    inbox = laptop.folder / "pusat" / "inbox"
    (inbox / "foto.jpg").write_bytes(b"foto")
    once = laptop("server", "watch", "--once", "--home", "pusat", "--json")
    assert once.returncode == 3
    assert document(once)["status"] == "quarantined"
    assert list(inbox.iterdir()) == []
    for name in ("SIGINT", "SIGTERM"):
        process = laptop.start("server watch --home pusat", stderr=subprocess.PIPE, text=True)
        assert process.stderr.readline().startswith("Mengawasi ")
        process.send_signal(getattr(signal, name))
        assert process.communicate()[1] == ""
        assert process.returncode == 0


def test_returns_are_named_with_or_without_the_option_repeated(laptop):
    done = laptop("server return --npsn 00000001 00000001 --home pusat --json")
    assert done.returncode == 0
    unknown = laptop("server return --npsn 00000009 --home pusat --json")
    assert (unknown.returncode, document(unknown)["error"]["code"]) == (1, "KF-103")
