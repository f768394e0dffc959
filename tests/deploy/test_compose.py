"""docker-compose.yml: what a security reviewer asks for, service by service."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from megdt_stream.runtime import settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["topics", "worker"]
EVERY = sorted(SERVICES)
# Kafka's start script renders its configuration into the root file system.
READ_ONLY = sorted(set(SERVICES) - {"kafka"})
LONG_RUNNING = sorted(set(SERVICES) - {"topics"})


def test_the_services() -> None:
    assert {"kafka", "redis", "topics", "worker"} <= set(SERVICES)


@pytest.mark.parametrize("name", EVERY)
def test_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged", False)
    assert not {"pid", "ipc", "network_mode", "devices", "userns_mode"} & set(service)


@pytest.mark.parametrize("name", EVERY)
def test_not_root(name: str) -> None:
    uid, _, gid = SERVICES[name]["user"].partition(":")
    assert int(uid) > 0
    assert int(gid) > 0


@pytest.mark.parametrize("name", READ_ONLY)
def test_read_only_root_with_bounded_scratch_space(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    for mount in service["tmpfs"]:
        options = mount.split(":", 1)[1].split(",")
        assert {"noexec", "nosuid", "nodev"} <= set(options)
        assert any(option.startswith("size=") for option in options)


@pytest.mark.parametrize("name", EVERY)
def test_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 512
    assert service["logging"]["options"]["max-size"]
    assert seconds(service["stop_grace_period"]) >= 30


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_health_is_checked_with_a_limit(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert seconds(check["timeout"]) < seconds(check["interval"])


def test_the_worker_is_alive_by_its_own_endpoint() -> None:
    assert "http://127.0.0.1:9464/livez" in " ".join(SERVICES["worker"]["healthcheck"]["test"])


@pytest.mark.parametrize("name", EVERY)
def test_images_are_pinned_by_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert tag.lstrip("v")[0].isdigit()
    assert tag.count(".") >= 2


@pytest.mark.parametrize("name", EVERY)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", EVERY)
def test_no_host_folder_is_mounted(name: str) -> None:
    volumes = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])]
    assert set(volumes) <= set(COMPOSE["volumes"])


def test_secrets_are_files_and_nothing_secret_is_in_the_environment() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if any(word in key for word in ("PASSWORD", "SECRET", "TOKEN", "KEY")):
                assert key.endswith("_FILE"), key
                assert str(value).startswith("/run/secrets/"), key
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("deploy/secrets/")
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_store_is_out_of_reach_of_the_host() -> None:
    assert SERVICES["redis"]["networks"] == ["backplane"]
    assert COMPOSE["networks"]["backplane"]["internal"] is True
    assert "ports" not in SERVICES["redis"]


@pytest.mark.parametrize("name", OURS)
def test_ours_are_built_here_and_know_where_kafka_and_redis_are(name: str) -> None:
    service = SERVICES[name]
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert service["environment"]["MEGDT_KAFKA"] == "kafka:9092"
    assert service["environment"]["MEGDT_REDIS"] == "redis://megdt@redis:6379/0"


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_the_worker_knows(name: str) -> None:
    assert settings.unknown_variables(SERVICES[name]["environment"]) == []


def test_the_worker_drains_before_it_is_killed() -> None:
    drain = settings.Settings.model_fields["drain_seconds"].default
    assert drain < seconds(SERVICES["worker"]["stop_grace_period"])


def test_the_worker_listens_where_its_checks_and_prometheus_ask() -> None:
    assert settings.Settings.model_fields["http_port"].default == 9464
    assert SERVICES["worker"]["environment"]["MEGDT_HTTP_HOST"] == "0.0.0.0"


def test_the_worker_starts_after_topics_and_store() -> None:
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["depends_on"] == {
        "topics": {"condition": "service_completed_successfully"},
        "redis": {"condition": "service_healthy"},
    }
    assert SERVICES["topics"]["command"] == ["topics", "create"]
    assert SERVICES["topics"]["restart"] == "no"


def test_a_mistyped_topic_is_not_made() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_every_mounted_file_exists() -> None:
    for config in COMPOSE["configs"].values():
        assert (ROOT / config["file"]).is_file()


def test_the_store_never_evicts_and_writes_ahead() -> None:
    stored = dict(
        line.split(maxsplit=1)
        for line in (ROOT / "deploy/redis/redis.conf").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert stored["maxmemory-policy"] == "noeviction"
    assert stored["appendonly"] == "yes"
    assert stored["aclfile"] == "/run/secrets/redis_users"


def test_prometheus_asks_where_the_worker_answers() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    assert job["dns_sd_configs"][0]["names"] == ["worker"]
    assert job["dns_sd_configs"][0]["port"] == 9464


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("no docker client with the compose plugin here")
    done = subprocess.run(
        [docker, "compose", "--project-directory", str(ROOT), "config", "-q"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text.removesuffix("s"))
