"""Nothing stays behind, however the owner or the watchdog ends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from megdt_stream.local import EmbeddedRedis

OWNER = """
import signal, sys
from pathlib import Path
from megdt_stream.local import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
server.start()
server.wait_ready()
print(server.pid, server.folder, flush=True)
{then}
"""


def run_owner(then: str, *arguments: str) -> tuple[subprocess.Popen, int, Path]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(then=then), *arguments],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    )
    pid, folder = owner.stdout.readline().split(maxsplit=1)
    return owner, int(pid), Path(folder.strip())


def end(owner: subprocess.Popen) -> None:
    owner.kill()
    owner.wait()
    owner.stdout.close()


def test_killed_owner_leaves_no_process_and_no_folder(eventually, gone):
    owner, server, folder = run_owner("signal.pause()")
    assert folder.is_dir()
    end(owner)
    assert eventually(lambda: gone(server), 10)
    assert eventually(lambda: not folder.exists(), 10)


def test_owner_that_forgets_to_close_leaves_nothing(eventually, gone):
    owner, server, folder = run_owner("sys.exit(0)")
    assert eventually(lambda: gone(server) and not folder.exists(), 10)
    end(owner)


def test_forked_copy_of_the_owner_keeps_nothing_alive(eventually, gone):
    owner, server, folder = run_owner("import os\nif os.fork(): print('forked', flush=True)\nsignal.pause()")
    assert owner.stdout.readline() == "forked\n"
    group = os.getpgid(owner.pid)
    try:
        end(owner)
        assert eventually(lambda: gone(server) and not folder.exists(), 10)
    finally:
        os.killpg(group, signal.SIGKILL)


def test_killed_owner_keeps_a_named_folder(tmp_path, eventually, gone):
    owner, server, folder = run_owner("signal.pause()", str(tmp_path / "kept"))
    end(owner)
    assert eventually(lambda: gone(server), 20)
    assert (folder / "appendonly.aof").exists() or (folder / "appendonlydir").exists()
    with EmbeddedRedis(folder) as again:
        assert again.alive


def test_ctrl_c_in_the_terminal_reaches_the_owner_alone(gone):
    owner, server, _ = run_owner(
        "import os\nsignal.signal(signal.SIGINT, lambda *_: os.write(1, b'noticed\\n'))\n"
        "print('armed', flush=True)\nsignal.pause(); signal.pause()"
    )
    try:
        assert owner.stdout.readline() == "armed\n"
        os.killpg(os.getpgid(owner.pid), signal.SIGINT)
        assert owner.stdout.readline() == "noticed\n"
        assert os.getpgid(server) != os.getpgid(owner.pid)
        assert os.getsid(server) != os.getsid(owner.pid)
        assert not gone(server)
    finally:
        end(owner)


def test_thread_that_started_it_may_end():
    server = EmbeddedRedis()
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    try:
        server.wait_ready()
        assert server.alive
    finally:
        server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_killed_watchdog_takes_the_server_along_and_is_replaced(eventually, gone):
    with EmbeddedRedis() as server:
        pid, folder = server.pid, server.folder
        os.kill(parent_of(pid), signal.SIGKILL)
        assert eventually(lambda: gone(pid), 10)
        assert eventually(lambda: not server.alive, 10)
        server.restart()
        assert server.alive
    assert not folder.exists()


def test_terminated_watchdog_cleans_up(eventually, gone):
    with EmbeddedRedis() as server:
        pid, folder = server.pid, server.folder
        os.kill(parent_of(pid), signal.SIGTERM)
        assert eventually(lambda: gone(pid) and not folder.exists(), 10)
        assert eventually(lambda: not server.alive, 10)


def test_server_killed_from_outside_is_noticed(eventually):
    with EmbeddedRedis() as server:
        os.kill(server.pid, signal.SIGKILL)
        assert eventually(lambda: not server.alive, 10)
        server.restart()
        assert server.alive


def parent_of(pid: int) -> int:
    asked = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(asked.stdout)
