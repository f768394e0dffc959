"""Settings: a wrong value is one line that names the variable; a secret is never shown."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.errors import ConfigError
from megdt_stream.runtime import settings
from megdt_stream.runtime.settings import KafkaSecurity, Settings, load, unknown_variables, without_password

SECRET = "correct-horse-王"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("MEGDT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(SECRET + "\n", "utf-8")
    return path


def test_defaults_are_valid() -> None:
    found = load()
    assert (found.group, found.partitions, found.http_port, found.http_host) == (
        "megdt-mirror",
        8,
        9464,
        "127.0.0.1",
    )


def test_the_environment_is_read_and_an_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEGDT_KAFKA", "a:9092, [::1]:9093")
    monkeypatch.setenv("MEGDT_PARTITIONS", "16")
    found = load(partitions=4, redis=None)
    assert found.brokers == ["a:9092", "[::1]:9093"]
    assert found.partitions == 4


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("KAFKA", "localhost", "host:port"),
        ("KAFKA", "localhost:0", "host:port"),
        ("KAFKA", "a:9092,,b:9092", "host:port"),
        ("REDIS", "http://localhost", "redis://"),
        ("HTTP_PORT", "65536", "65535"),
        ("PARTITIONS", "acht", "integer"),
        ("CLOCK", "sun", "'wall' or 'event'"),
        ("LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("SITE", "院 区", "pattern"),
        ("STALL_SECONDS", "nan", "less than or equal to 3600"),
        ("REJECT_LIMIT_RATIO", "0", "greater than 0"),
        ("TRANSACTIONAL_TOPICS", "assessments,alerts", "short names of input topics"),
        ("MAX_POLL_INTERVAL_SECONDS", "10", "more than MEGDT_SESSION_TIMEOUT_SECONDS (10)"),
        ("SEEDS_DIR", "/does/not/exist", "folder"),
        ("KAFKA_CA_FILE", "/does/not/exist", "readable file"),
        ("KAFKA_PROTOCOL", "TLS", "'SASL_SSL'"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_variable_and_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepted: str
) -> None:
    monkeypatch.setenv(f"MEGDT_{name}", value)
    with pytest.raises(ConfigError) as refused:
        load()
    line = str(refused.value)
    assert line.startswith(f"MEGDT_{name} ")
    assert accepted in line
    assert "\n" not in line
    assert refused.value.exit_code == 78


def test_what_was_found_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEGDT_PARTITIONS", "acht")
    with pytest.raises(ConfigError, match="'acht'"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS", f"redis://user:{SECRET}@localhost:6379/0"),
        ("REDIS", f"http://user:{SECRET}@localhost"),
        ("KAFKA", f"user:{SECRET}@localhost"),
        ("KAFKA_PASSWORD_FILE", SECRET),
        ("KAFKA_PASSWORD_FILE", SECRET * 100),
        ("REDIS_PASSWORD_FILE", SECRET),
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MEGDT_{name}", value)
    with pytest.raises(ConfigError) as refused:
        load()
    assert f"MEGDT_{name}" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("need", ["kafka", "redis"])
def test_what_a_command_needs_must_be_set(need: settings.Need) -> None:
    with pytest.raises(ConfigError, match=f"MEGDT_{need.upper()} is not set; set it, for example"):
        load(needs=[need])


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting 'partition'"):
        load(partition=4)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"kafka_protocol": "SASL_SSL"}, "MEGDT_KAFKA_USERNAME"),
        ({"kafka_protocol": "SASL_SSL", "kafka_username": "u"}, "MEGDT_KAFKA_PASSWORD_FILE"),
    ],
)
def test_half_a_login_is_refused(given: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigError, match=f"{missing} is not set"):
        load(**given)


def test_a_certificate_without_its_key_is_refused(password_file: Path) -> None:
    with pytest.raises(ConfigError, match="MEGDT_KAFKA_KEY_FILE is not set"):
        load(kafka_protocol="SSL", kafka_cert_file=password_file)


def test_secrets_come_from_files_without_their_line_end(password_file: Path) -> None:
    found = load(
        kafka_protocol="SASL_PLAINTEXT",
        kafka_username="worker",
        kafka_password_file=password_file,
        redis="redis://worker@localhost:6379/0",
        redis_password_file=password_file,
    )
    assert found.kafka_security.options() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": SECRET,
    }
    assert found.redis_options == {"password": SECRET}


def test_no_representation_shows_a_secret(password_file: Path) -> None:
    found = load(kafka_protocol="SASL_PLAINTEXT", kafka_username="worker", kafka_password_file=password_file)
    assert SECRET not in repr(found) + str(found) + repr(found.kafka_security) + found.model_dump_json()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_an_unusable_secret_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="MEGDT_REDIS_PASSWORD_FILE names"):
        _ = load(redis="redis://localhost:1/0", redis_password_file=path).redis_options


def test_unusable_certificates_are_a_configuration_error(password_file: Path) -> None:
    with pytest.raises(ConfigError, match="TLS files"):
        KafkaSecurity(protocol="SSL", ca_file=password_file).options()


def test_tls_verifies_the_brokers_name() -> None:
    context = KafkaSecurity(protocol="SSL").options()["ssl_context"]
    assert context.check_hostname


def test_no_login_is_sent_without_sasl() -> None:
    assert KafkaSecurity(username="u", password=SECRET).options() == {"security_protocol": "PLAINTEXT"}


def test_unknown_variables_are_found_with_the_nearest_known_one() -> None:
    names = ["PATH", "MEGDT_KAFKA", "megdt_redis", "MEGDT_PARTITION", "MEGDT_TEST_KAFKA", "MEGDT_QQQQQQQQ"]
    assert unknown_variables(names) == ["MEGDT_PARTITION (did you mean MEGDT_PARTITIONS?)", "MEGDT_QQQQQQQQ"]


def test_transactional_topics_are_a_set_of_short_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEGDT_TRANSACTIONAL_TOPICS", "assessments, rotations,")
    assert load().transactional_topics == {"assessments", "rotations"}


def complaint(**given: str) -> str:
    try:
        load(**given)
    except ConfigError as error:
        return str(error)
    return ""


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300))
def test_no_text_in_a_variable_ends_in_anything_but_settings_or_one_line(text: str) -> None:
    for name in ("kafka", "redis", "partitions", "transactional_topics", "kafka_ca_file", "clock"):
        line = complaint(**{name: text})
        assert not line or line.startswith(f"MEGDT_{name.upper()} ")
        assert line.isprintable()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:geheim@host:1/0", "redis://host:1/0"),
        ("redis://host:1/0", "redis://host:1/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_may_be_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_every_setting_is_described() -> None:
    table = settings.describe()
    for name, field in Settings.model_fields.items():
        assert f"`MEGDT_{name.upper()}`" in table
        assert field.description
