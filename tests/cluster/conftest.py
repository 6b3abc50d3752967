"""A real Slurm of one node, in a folder of its own: nothing outside it is written, and it ends with the tests."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
PACKAGES = ("slurm-wlm", "munge")
CONF = """\
ClusterName=bowlby
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""
# The executor plugin strips SLURM_* from what a job step sees, and with it the place of our configuration.
SRUN = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""


def ask(*words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, **more)


def install():
    """Say why there is no Slurm, or give None; where allowed (root, apt), install it first."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"

    def missing():
        return [name for name in PROGRAMS if shutil.which(name, path=path) is None]

    if not missing():
        return None
    if os.environ.get("BOWLBY_INSTALL_SLURM") == "0" or os.geteuid() or not shutil.which("apt-get"):
        return f"no Slurm here ({', '.join(missing())}): apt-get install {' '.join(PACKAGES)}"
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    ask("apt-get", "update", "-q", env=quiet, timeout=300)
    done = ask("apt-get", "install", "-qy", *PACKAGES, env=quiet, timeout=600)
    return f"Slurm could not be installed: {done.stderr.strip()[-300:]}" if done.returncode or missing() else None


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write(folder):
    """Configuration, key and a folder for programs that come first in the PATH."""
    for name in ("munge", "state", "spool", "bin"):
        (folder / name).mkdir(mode=0o755)
    (folder / "munge").chmod(0o700)
    key = folder / "munge/key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    text = CONF.format(host=socket.gethostname().split(".")[0], ports=free_ports(2), folder=folder,
                       user=getpass.getuser(), cpus=os.cpu_count(), memory=int(memory * 0.9))  # fmt: skip
    (folder / "slurm.conf").write_text(text)
    second = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v2\nIgnoreSystemd=yes\n" if second
                                        else "CgroupPlugin=cgroup/v1\n")  # fmt: skip
    srun = folder / "bin/srun"
    srun.write_text(SRUN.format(folder=folder, srun=shutil.which("srun")))
    srun.chmod(0o755)


def stop(*files):
    """End daemons by their own process ids."""
    for file in files:
        if file.is_file():
            pid = int(file.read_text())
            os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                if not Path(f"/proc/{pid}").exists():
                    break
                time.sleep(0.1)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """Environment in which Slurm answers."""
    if why := install():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("slurm")
    write(folder)
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"], "/usr/sbin"])
    env = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
    munge = folder / "munge"
    began = [
        ask("munged", f"--key-file={munge}/key", f"--socket={munge}/socket", f"--pid-file={munge}/pid",
            f"--log-file={munge}/log", f"--seed-file={munge}/seed", "--force", env=env),
        ask("slurmctld", "-f", folder / "slurm.conf", env=env),
        ask("slurmd", "-f", folder / "slurm.conf", env=env),
    ]  # fmt: skip
    try:
        for _ in range(60):
            state = ask("sinfo", "-h", "-o", "%t", env=env).stdout.strip()
            if state == "idle":
                break
            time.sleep(0.5)
        else:
            said = " / ".join(b.stderr.strip() for b in began if b.returncode) or f"the node is {state or 'silent'}"
            pytest.skip(f"Slurm does not start here: {said[-300:]}")
        yield env
    finally:
        ask("scancel", "--user", getpass.getuser(), env=env)
        stop(folder / "slurmd.pid", folder / "slurmctld.pid", munge / "pid")
