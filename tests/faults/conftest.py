"""One world is made once and copied for each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.trust.keyfiles import Argon2Cost, save_head_key
from tests.faults.killing import Counted
from tests.faults.world import copy
from tests.life import Life, Sekolah


@pytest.fixture(scope="session", autouse=True)
def _quick_passphrases() -> Iterator[None]:
    """A head's key file says how slow its passphrase is made; here it says little, because it is opened hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(save_head_key.__kwdefaults__, "cost", Argon2Cost(memory_kib=64, passes=1))
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A server and two enrolled schools with one unsent pupil each; every store is closed."""
    life = Life(tmp_path_factory.mktemp("dunia"))
    life.school("00000001").pupil("SISWA SATU")
    life.school("00000002", "SMP").pupil("SISWA DUA")
    life.ingest()
    life.close()
    return life


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of starts need no disk that turns."""
    memory = Path("/dev/shm")
    place = tempfile.mkdtemp(dir=memory if memory.is_dir() else None)
    yield Path(place)
    shutil.rmtree(place)


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Iterator[Counted]:
    """What is counted of the steps of one command; ``python -m tests.faults`` prints it."""
    made = Counted()
    yield made
    request.node.user_properties.append(("killed", made.row()))


@pytest.fixture
def life(template: Life, tmp_path: Path) -> Iterator[Life]:
    """The same for one test."""
    made = copy(template, tmp_path / "dunia")
    yield made
    made.close()


@pytest.fixture
def school(life: Life) -> Sekolah:
    """The first school."""
    return life.schools[0]


@pytest.fixture
def other(life: Life) -> Sekolah:
    """The second school."""
    return life.schools[1]
