"""Work side by side gives what work in turn gives, its errors, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from operator import add
from pathlib import Path

import psutil
import pytest

from bowlby.errors import UserError, problem
from bowlby.files import Damaged
from bowlby.processes import side_by_side

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")


def refuse(name):
    raise UserError([problem(f"{name} is wrong", "correct it"), problem("so is another", "correct that")])


def spoil(name):
    raise Damaged(Path(name), ValueError("bytes"))


def kill(_name):
    os.kill(os.getpid(), signal.SIGKILL)


def number(_name):
    return os.getpid()


@pytest.mark.parametrize("processes", [1, 2])
def test_results_keep_their_order(processes):
    assert side_by_side(add, [1, 2, 3], [10, 20, 30], processes=processes) == [11, 22, 33]


@LINUX
def test_there_are_other_processes_only_where_more_than_one_is_asked_for():
    assert os.getpid() not in side_by_side(number, "ab", processes=2)
    assert side_by_side(number, "ab", processes=1) == side_by_side(number, "a", processes=2) * 2 == [os.getpid()] * 2


@pytest.mark.parametrize("processes", [1, 2])
def test_problems_of_the_user_arrive_whole(processes):
    with pytest.raises(UserError) as error:
        side_by_side(refuse, "ab", processes=processes)
    assert error.value.lines() == ["error: a is wrong; correct it", "error: so is another; correct that"]
    with pytest.raises(Damaged, match="damaged"):
        side_by_side(spoil, "ab", processes=processes)


@LINUX
def test_a_killed_process_is_said():
    with pytest.raises(UserError, match="killed, perhaps for lack of memory; run again"):
        side_by_side(kill, "ab", processes=2)


@LINUX
def test_processes_end_with_the_one_that_started_them():
    code = "import time; from bowlby.processes import side_by_side; side_by_side(time.sleep, [99, 99], processes=2)"
    parent = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 20
    while len(children := psutil.Process(parent.pid).children()) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.2)  # each has begun its work
    parent.kill()
    parent.wait()
    assert len(children) == 2 and psutil.wait_procs(children, timeout=10)[1] == []
