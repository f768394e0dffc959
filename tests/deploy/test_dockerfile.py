"""deploy/Dockerfile: reproducible, small in what it may do, and nothing fetched past the lock."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), " ".join(rest.split())) for name, rest in pairs]


def of_kind(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


def final_stage() -> list[tuple[str, str]]:
    steps = instructions()
    last = max(index for index, (name, _) in enumerate(steps) if name == "FROM")
    return steps[last:]


def test_stages_start_from_one_pinned_version() -> None:
    images = [rest.split()[0] for rest in of_kind("FROM")]
    assert len(images) == 2
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim(-\w+)?", images[0])


def test_the_last_stage_is_not_root_and_builds_nothing() -> None:
    user = [rest for name, rest in final_stage() if name == "USER"]
    assert user == ["10001:10001"]
    assert not [rest for name, rest in final_stage() if name == "RUN" and "pip" in rest]


def test_the_user_is_the_one_of_the_compose_file() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert compose["services"]["worker"]["user"] == of_kind("USER")[0]


def test_nothing_is_added_from_elsewhere() -> None:
    assert of_kind("ADD") == []
    fetching = re.compile(r"https?://|\bcurl\b|\bwget\b|\bgit clone\b|\bapt-get\b")
    assert [run for run in of_kind("RUN") if fetching.search(run)] == []


def test_every_install_is_hashed_or_local() -> None:
    installs = [part for run in of_kind("RUN") for part in run.split("&&") if "pip install" in part]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install
        assert "--no-deps" in install


def test_only_the_runtime_lock_reaches_the_image() -> None:
    copied = " ".join(of_kind("COPY"))
    assert "requirements.lock" in copied
    assert "requirements-dev.lock" not in copied


def test_health_is_the_liveness_endpoint() -> None:
    (check,) = of_kind("HEALTHCHECK")
    assert "http://127.0.0.1:9464/livez" in check


def test_the_entry_is_the_program_without_a_shell() -> None:
    assert of_kind("ENTRYPOINT") == ['["megdt"]']
    assert of_kind("CMD") == ['["worker"]']


@pytest.mark.parametrize("path", ["pyproject.toml", "LICENSE", "requirements.lock", "requirements-build.lock"])
def test_the_build_context_is_a_list_of_what_is_needed(path: str) -> None:
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    assert f"!{path}" in allowed
    assert "!deploy" not in allowed


def test_everything_copied_is_in_the_build_context() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    }
    for copy in of_kind("COPY"):
        if copy.startswith("--from"):
            continue
        for source in copy.split()[:-1]:
            assert source in allowed
