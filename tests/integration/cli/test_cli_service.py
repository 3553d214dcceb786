"""`tingjian up` with real processes: first start, upload, crash, stop, second start."""

import json
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from service_process import CLIPS, Service, postgres_runs, tingjian, until


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    # Not below pytest's own folder, which the database's user may not pass through.
    directory = Path(tempfile.mkdtemp(prefix="tj-up-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def service(data_dir: Path) -> Iterator[Service]:
    made = Service(data_dir, ["up", "--port", "0", "--json"])
    yield made
    if made.process.poll() is None:
        made.stop()


@pytest.fixture(scope="module")
def facts(service: Service) -> dict[str, str]:
    return service.started()


@pytest.fixture(scope="module")
def api_key(facts: dict[str, str]) -> str:
    with httpx.Client(base_url=f"{facts['url']}/api/v1", timeout=60) as http:
        sign_in = {"username": facts["username"], "password": facts["password"]}
        assert http.post("/session", json=sign_in).status_code == 204
        made = http.post("/api-keys", json={"name": "test", "scopes": ["read", "write"]})
        assert made.status_code in (200, 201), made.text
        secret: str = made.json()["key"]
        return secret


def test_the_first_start_prints_a_sign_in_that_works(facts: dict[str, str], api_key: str) -> None:
    assert facts["username"] == "admin"
    assert len(facts["password"]) >= 12
    assert api_key.startswith("tjk_")


def test_recordings_are_uploaded_and_analysed(
    facts: dict[str, str], api_key: str, data_dir: Path
) -> None:
    arguments = ("--url", facts["url"], "--api-key", api_key, "--json")
    files = (CLIPS / "stereo.flac", CLIPS / "text.mp3", CLIPS / "empty.wav")
    first = tingjian(data_dir, "upload", *files, "--wait", *arguments)
    assert first.returncode == 1, first.stderr
    answer = json.loads(first.stdout)
    results = {result["file"]: result for result in answer["results"]}
    assert results["stereo.flac"]["state"] == "done"
    assert results["text.mp3"]["state"] == "failed"
    assert results["text.mp3"]["error"]["message"]
    assert results["empty.wav"]["status"] == "rejected"
    assert (answer["accepted"], answer["rejected"], answer["failed"]) == (2, 1, 1)

    again = tingjian(data_dir, "upload", CLIPS / "stereo.flac", *arguments)
    assert again.returncode == 0, again.stderr
    [result] = json.loads(again.stdout)["results"]
    assert (result["status"], result["call_id"]) == (
        "duplicate",
        results["stereo.flac"]["call_id"],
    )


def test_a_wrong_key_and_a_missing_one_are_one_line(facts: dict[str, str], data_dir: Path) -> None:
    wrong = tingjian(
        data_dir, "upload", CLIPS / "stereo.flac", "--url", facts["url"], "--api-key", "tjk_no"
    )
    assert wrong.returncode == 2
    assert "错误 [unauthenticated]" in wrong.stderr
    missing = tingjian(data_dir, "upload", CLIPS / "stereo.flac", "--url", facts["url"])
    assert missing.returncode == 2
    assert "错误 [no-api-key]" in missing.stderr


def test_a_second_service_on_the_port_is_refused(facts: dict[str, str], data_dir: Path) -> None:
    port = facts["url"].rsplit(":", 1)[1]
    second = tingjian(data_dir, "up", "--port", port)
    assert second.returncode == 3
    assert second.stderr.startswith("错误 [port-in-use]")
    assert second.stderr.count("\n") == 1


def test_a_killed_worker_is_started_again(service: Service, facts: dict[str, str]) -> None:
    before = service.children()["worker"].pid
    psutil.Process(before).kill()

    def replaced() -> bool:
        worker = service.children().get("worker")
        return worker is not None and worker.pid != before

    until(replaced)
    assert httpx.get(f"{facts['url']}/api/v1/ready").status_code == 200


def test_the_password_can_be_reset(facts: dict[str, str], data_dir: Path) -> None:
    reset = tingjian(data_dir, "users", "reset-password", "admin", "--json")
    assert reset.returncode == 0, reset.stderr
    password = json.loads(reset.stdout)["password"]
    url = f"{facts['url']}/api/v1/session"
    old = httpx.post(url, json={"username": "admin", "password": facts["password"]})
    new = httpx.post(url, json={"username": "admin", "password": password})
    assert (old.status_code, new.status_code) == (401, 204)
    unknown = tingjian(data_dir, "users", "reset-password", "nobody")
    assert unknown.returncode == 2


def test_a_signal_stops_everything_and_the_next_start_tells_no_password(
    service: Service, facts: dict[str, str], data_dir: Path
) -> None:
    children = list(service.children().values())
    assert postgres_runs(data_dir)
    assert service.stop(signal.SIGTERM) == 0
    assert not any(child.is_running() for child in children)
    assert not postgres_runs(data_dir)

    second = Service(data_dir, ["up", "--port", "0", "--no-worker", "--json"])
    try:
        assert second.started()["password"] is None
        assert set(second.children()) == {"serve"}
        # Killed without warning: nothing may be left behind.
        children = list(second.children().values())
        second.process.kill()
        second.process.wait()
        psutil.wait_procs(children, timeout=60)
        assert not any(child.is_running() for child in children)
        until(lambda: not postgres_runs(data_dir))
    finally:
        if second.process.poll() is None:
            second.stop()
        assert second.process.stdout is not None
        second.process.stdout.close()


def test_migrate_and_an_idle_worker_end_by_themselves(
    facts: dict[str, str], data_dir: Path
) -> None:
    migrated = tingjian(data_dir, "migrate", "--json")
    assert migrated.returncode == 0, migrated.stderr
    assert json.loads(migrated.stdout) == {
        "applied": [],
        "published": [],
        "username": "admin",
        "password": None,
    }
    idle = tingjian(data_dir, "worker", "--until-idle", "--queue", "analyze")
    assert idle.returncode == 0, idle.stderr
    unknown = tingjian(data_dir, "worker", "--queue", "nonsense")
    assert unknown.returncode == 2
    assert "unknown-queue" in unknown.stderr


def test_migrate_alone_prepares_a_new_database() -> None:
    directory = Path(tempfile.mkdtemp(prefix="tj-new-"))
    try:
        first = tingjian(directory, "migrate", "--json")
        assert first.returncode == 0, first.stderr
        told = json.loads(first.stdout)
        assert told["applied"]
        assert any(name.startswith("电销通用@") for name in told["published"])
        assert len(told["password"]) >= 12
        assert told["password"] not in first.stderr
        again = tingjian(directory, "migrate")
        assert again.stdout == "数据库已是最新（本次执行 0 步）。\n"

        server = Service(directory, ["serve", "--port", "0", "--json"])
        try:
            url = server.started()["url"]
            body = {"username": told["username"], "password": told["password"]}

            def signed_in() -> bool:
                try:
                    return httpx.post(f"{url}/api/v1/session", json=body).status_code == 204
                except httpx.HTTPError:
                    return False

            until(signed_in)
        finally:
            server.stop()
        idle = tingjian(directory, "worker", "--until-idle")
        assert idle.returncode == 0, idle.stderr
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_users_are_managed_where_the_database_is(facts: dict[str, str], data_dir: Path) -> None:
    added = tingjian(
        data_dir, "users", "add", "limin", "--role", "manager", "--team", "华东", "--team", "华北",
        "--display-name", "李敏", "--json",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)
    assert (made["role"], made["teams"], made["display_name"]) == (
        "manager",
        ["华东", "华北"],
        "李敏",
    )
    assert len(made["password"]) >= 12
    listed = json.loads(tingjian(data_dir, "users", "list", "--json").stdout)["users"]
    assert [user["username"] for user in listed] == ["admin", "limin"]
    assert "password" not in listed[1]
    assert tingjian(data_dir, "users", "disable", "limin").returncode == 0
    assert "已停用" in tingjian(data_dir, "users", "list").stdout
    assert tingjian(data_dir, "users", "enable", "limin").returncode == 0
    for arguments, code in (
        (("add", "limin", "--role", "agent"), "username-taken"),
        (("disable", "admin"), "last-admin"),
        (("enable", "nobody"), "not-found"),
    ):
        refused = tingjian(data_dir, "users", *arguments)
        assert (refused.returncode, code in refused.stderr) == (2, True), refused.stderr


def test_a_worker_before_migration_is_told_to_migrate() -> None:
    directory = Path(tempfile.mkdtemp(prefix="tj-new-"))
    try:
        early = tingjian(directory, "worker", "--until-idle")
        assert early.returncode == 3
        assert "tingjian migrate" in early.stderr
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_serve_stops_on_a_signal_and_lets_go_of_the_database(
    facts: dict[str, str], data_dir: Path
) -> None:
    server = Service(data_dir, ["serve", "--port", "0", "--json"])
    url = server.started()["url"]

    def healthy() -> bool:
        try:
            return httpx.get(f"{url}/api/v1/health").status_code == 200
        except httpx.HTTPError:
            return False

    until(healthy)
    host, port = url.removeprefix("http://").split(":")
    assert server.stop(signal.SIGINT) == 0
    assert not postgres_runs(data_dir)
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
