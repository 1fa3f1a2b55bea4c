import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.supervisor import Unstartable, find_redis, free_port, is_free, supervised, wait_for_port

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"]

PARENT = """
import os, sys
from pathlib import Path
from demo.supervisor import supervised
with supervised(Path(sys.argv[1]), dict(os.environ)) as demo:
    try:
        child = demo.start("child", [sys.executable, "-c", "import time; time.sleep(60)"])
        print(child.process.pid, flush=True)
        demo.watch()
    except KeyboardInterrupt:
        print("stopping", flush=True)
"""


COMMANDING = """
import os, sys
from pathlib import Path
from demo.supervisor import supervised
with supervised(Path(sys.argv[1]), {**os.environ, "DJANGO_SETTINGS_MODULE": "settings.dev"}) as demo:
    try:
        print("at work", flush=True)
        demo.manage("ingest_events", "/dev/zero")
    except KeyboardInterrupt:
        print("stopping", flush=True)
"""


# Asked to end in the instant between a child's birth and its entry in the list.
STARTING = """
import os, signal, sys
from pathlib import Path
from demo.supervisor import supervised
def interrupt(frame, event, argument):
    if event == "return" and frame.f_code.co_name == "_execute_child":
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)
with supervised(Path(sys.argv[1]), dict(os.environ)) as demo:
    sys.setprofile(interrupt)
    try:
        demo.start("child", [sys.executable, "-c", "import time; time.sleep(60)"])
        print("not stopped")
    except KeyboardInterrupt:
        [child] = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        print("stopping", child, flush=True)
"""


def children_of(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in done.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_process_ends_with_the_block(tmp_path: Path) -> None:
    with supervised(tmp_path, dict(os.environ)) as demo:
        children = [demo.start(f"child{number}", SLEEPER).process for number in range(3)]

    assert all(child.poll() is not None for child in children)


def test_what_ignores_a_polite_end_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, dict(os.environ)) as demo:
        child = demo.start("stubborn", STUBBORN).process
        time.sleep(0.5)

    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_two_signals_leave_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    # given: started as a background job, with SIGINT ignored
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    # when
    parent.send_signal(number)
    parent.send_signal(number)

    # then
    parent.wait(timeout=20)
    parent.stdout.close()
    assert not is_alive(child)


def test_a_command_that_is_interrupted_ends_without_a_traceback(tmp_path: Path) -> None:
    # given: a command at work, in front of a terminal, as `make demo` is
    parent = subprocess.Popen(
        [sys.executable, "-c", COMMANDING, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "at work\n"
    until = time.monotonic() + 10
    while not (children := children_of(parent.pid)) and time.monotonic() < until:
        time.sleep(0.05)

    # when: Ctrl-C goes to the whole group
    os.killpg(parent.pid, signal.SIGINT)
    told, complaints = parent.communicate(timeout=20)

    # then
    assert children
    assert not any(is_alive(child) for child in children)
    assert told == "stopping\n"
    assert complaints == ""


@pytest.mark.skipif(not Path("/proc").exists(), reason="A process's children are read from /proc here.")
def test_an_end_asked_for_while_a_process_starts_leaves_none_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", STARTING, str(tmp_path)], capture_output=True, text=True, check=False, timeout=30)

    assert done.stderr == ""
    heading, child = done.stdout.split()
    assert heading == "stopping"
    assert not is_alive(int(child))


def test_a_process_that_does_not_come_up_is_told_with_its_log(tmp_path: Path) -> None:
    with supervised(tmp_path, dict(os.environ)) as demo:
        demo.start("web", [sys.executable, "-c", "raise SystemExit(3)"])

        with pytest.raises(Unstartable, match=r"web did not start; its log is .*web\.log"):
            wait_for_port(free_port(), "web", demo)


def test_a_lost_worker_is_started_again_and_a_lost_web_server_ends_the_demo(tmp_path: Path) -> None:
    with supervised(tmp_path, dict(os.environ)) as demo:
        worker = demo.start("worker", SLEEPER, may_restart=True).process
        worker.kill()
        worker.wait()
        demo.start("web", [sys.executable, "-c", "import time; time.sleep(1.2)"])

        with pytest.raises(Unstartable, match="web ended by itself"):
            demo.watch()

        assert demo.children[-1].name == "worker"
        assert demo.children[-1].process.poll() is None


def test_a_taken_port_is_told_in_one_line() -> None:
    port = free_port()
    assert is_free(port)
    environment = {**os.environ, "PORT": str(port), "DJANGO_SETTINGS_MODULE": "settings.dev"}
    server = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], stderr=subprocess.DEVNULL)
    try:
        while is_free(port):
            time.sleep(0.05)
        done = subprocess.run([sys.executable, "manage.py", "demo"], env=environment, capture_output=True, text=True, check=False)
    finally:
        server.kill()
        server.wait()

    assert done.returncode == 2
    assert done.stderr == f"Port {port} is taken. Choose another: make demo PORT={port + 1}\n"


@pytest.mark.parametrize("port", ["0", "http", "65536", "-1"])
def test_what_is_no_port_is_told_in_one_line(port: str) -> None:
    environment = {**os.environ, "PORT": port, "DJANGO_SETTINGS_MODULE": "settings.dev"}
    done = subprocess.run([sys.executable, "manage.py", "demo"], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_private_redis_is_found_where_the_dependencies_bring_one() -> None:
    found = find_redis()
    assert found is None or Path(found).exists()
