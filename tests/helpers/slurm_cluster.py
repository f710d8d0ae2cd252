"""A real Slurm on this machine: all daemons on loopback, in one folder, no systemd.

Needs Debian's `slurm-wlm` and `munge`; for accounting also `slurmdbd` and `mariadb-server`:

    apt-get install slurm-wlm munge slurmdbd mariadb-server

Nothing of the machine's own set-up is read or written: munge has a socket and a key of its own, and
clients find the cluster by the environment (`Cluster.environment`). To look at one by hand:

    python tests/helpers/slurm_cluster.py [--accounting]
"""

import contextlib
import ctypes
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue")
FOR_ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db", "sacct", "sacctmgr")
#: Where daemons lie that a user's PATH may not have.
SBIN = "/usr/sbin:/sbin:/usr/local/sbin"
#: Names of the nodes. No name server knows them, as on clusters where Slurm has its own names.
NODES = ("node-a", "node-b")
CONF = """\
ClusterName=tricklift
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
JobRequeue=1
MaxJobCount=10000
SlurmctldTimeout=30
SlurmdTimeout=300
{accounting}
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=1:00:00 State=UP
PartitionName=other Nodes={first} MaxTime=30 State=UP
"""
ACCOUNTED = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations,limits
JobAcctGatherType=jobacct_gather/none"""
DBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser={user}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql_port}
StorageUser=root
StoragePass=none
StorageLoc=slurm_acct_db
"""


def missing(accounting: bool = False) -> list[str]:
    """The programs that are not installed here."""
    wanted = NEEDED + (FOR_ACCOUNTING if accounting else ())
    return [name for name in wanted if not shutil.which(name, path=_path())]


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{SBIN}"


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _ends_with_parent() -> None:
    """Linux ends this process when the one that started it is gone, killed or not."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Cluster:
    """One controller and some nodes; a context manager.

    Args:
        folder: For all its files.
        nodes: How many, 1 or 2; each believes that it has `cores` cores.
        cores: Of a node.
        accounting: Also slurmdbd and its data base.

    Attributes:
        environment: What a client (sbatch, squeue, submitit) must have to reach it.
    """

    def __init__(
        self, folder: Path, nodes: int = 2, cores: int = 2, accounting: bool = False
    ) -> None:
        self.folder, self.nodes, self.accounting = folder, NODES[:nodes], accounting
        self._daemons: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        ctld, dbd, sql, *ports = free_ports(3 + nodes)
        self._sql_port = sql
        lines = [
            f"NodeName={name} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs={cores} RealMemory=8000 State=UNKNOWN"
            for name, port in zip(self.nodes, ports, strict=True)
        ]
        facts = {
            "folder": folder,
            "user": getpass.getuser(),
            "host": socket.gethostname(),
            "ctld_port": ctld,
            "dbd_port": dbd,
            "sql_port": sql,
            "nodes": "\n".join(lines),
            "first": self.nodes[0],
        }
        facts["accounting"] = ACCOUNTED.format(**facts) if accounting else ""
        (folder / "slurm.conf").write_text(CONF.format(**facts))
        dbd_conf = folder / "slurmdbd.conf"
        dbd_conf.touch(mode=0o600)
        dbd_conf.write_text(DBD_CONF.format(**facts))
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()}

    def __enter__(self) -> "Cluster":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _start(self) -> None:
        munge = self.folder / "munge.socket"
        files = [
            f"--{kind}-file={self.folder}/{name}"
            for kind, name in (
                ("key", "munge.key"),
                ("log", "munged.log"),
                ("pid", "munged.pid"),
                ("seed", "munge.seed"),
            )
        ]
        self._daemon("munged", "--foreground", "--force", f"--socket={munge}", *files)
        self._until("munged", munge.exists)
        if self.accounting:
            self._start_accounting()
        (self.folder / "state").mkdir(exist_ok=True)
        self._daemon("slurmctld", "-D", "-c")
        for name in self.nodes:
            self._daemon("slurmd", "-D", "-N", name)
        self._until("nodes", self._all_idle)

    def _start_accounting(self) -> None:
        data, sql = self.folder / "sql", self.folder / "sql.socket"
        self._call(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            f"--user={getpass.getuser()}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        self._daemon(
            "mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={sql}",
            f"--port={self._sql_port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder}/sql.pid",
            f"--user={getpass.getuser()}",
            "--innodb-buffer-pool-size=64M",
        )
        self._until("mariadbd", sql.exists)
        words = "ALTER USER root@localhost IDENTIFIED BY 'none'"
        self._call("mariadb", "--no-defaults", f"--socket={sql}", "-uroot", "-e", words)
        self._daemon("slurmdbd", "-D")
        self._until("slurmdbd", lambda: self._answers("sacctmgr", "-n", "show", "cluster"))
        self._call("sacctmgr", "-i", "add", "cluster", "tricklift")
        self._call("sacctmgr", "-i", "add", "account", "lab", "Cluster=tricklift")
        self._call("sacctmgr", "-i", "add", "user", getpass.getuser(), "Account=lab")

    def _daemon(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("ab") as said:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                    preexec_fn=_ends_with_parent,
                    cwd=self.folder,
                )
            )

    def _call(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _answers(self, *command: str) -> bool:
        with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
            self._call(*command)
            return True
        return False

    def _all_idle(self) -> bool:
        with contextlib.suppress(RuntimeError):
            states = self._call("sinfo", "-h", "-p", "main", "-N", "-o", "%T").split()
            return states == ["idle"] * len(self.nodes)
        return False

    def _until(self, what: str, happened: Callable[[], bool], seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while not happened():
            gone = [daemon.args for daemon in self._daemons if daemon.poll() is not None]
            if gone or time.monotonic() > end:
                raise RuntimeError(f"{what}: not up, ended {gone}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self, lines: int = 15) -> str:
        """The ends of all daemons' logs."""
        files = sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])
        texts = ((file, file.read_text(errors="replace").splitlines()[-lines:]) for file in files)
        return "\n".join(f"== {file.name}\n" + "\n".join(text) for file, text in texts if text)

    def call(self, *command: str) -> str:
        """What a client's command prints.

        Raises:
            RuntimeError: It failed; holds what it said.
        """
        return self._call(*command)

    def clear(self, seconds: float = 20) -> None:
        """Cancels all jobs and waits until none is left."""
        self._call("scancel", "-u", getpass.getuser(), "--signal=KILL", "--full")
        self._call("scancel", "-u", getpass.getuser())
        self._until("no jobs", lambda: not self._call("squeue", "-h"), seconds)

    def stop(self) -> None:
        """Ends all jobs and daemons, by process id."""
        daemons = {daemon.pid for daemon in self._daemons}
        self._kill(daemons)
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(1)
            except subprocess.TimeoutExpired:  # it waits for jobs that are gone
                daemon.kill()
                daemon.wait(5)
        self._daemons.clear()
        self._kill(set())  # what slurmd started while it ended

    def _kill(self, spared: set[int]) -> None:
        """Kills the clients and jobs of this cluster, which have it in their environment."""
        end = time.monotonic() + 5
        while (left := set(self._clients()) - spared) and time.monotonic() < end:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def _clients(self) -> Iterator[int]:
        mine = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "environ").read_bytes().split(b"\0")
                if mine in words and int(entry.name) != os.getpid():
                    yield int(entry.name)


def main(arguments: Sequence[str]) -> None:
    """Starts a cluster and waits for Enter."""
    accounting = "--accounting" in arguments
    if lacking := missing(accounting):
        raise SystemExit(f"not installed: {', '.join(lacking)}")
    since = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        Cluster(Path(folder), accounting=accounting) as cluster,
    ):
        print(f"up in {time.monotonic() - since:.1f} s; in another shell:")
        for key, value in cluster.environment.items():
            print(f"export {key}={value}")
        with contextlib.suppress(KeyboardInterrupt, EOFError):
            input("Enter ends it\n")


if __name__ == "__main__":
    main(sys.argv[1:])
