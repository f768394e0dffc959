"""Settings of a process, read from environment variables that start with `MEGDT_`.

Secrets are never values of variables: a variable ending in `_FILE` names a file that holds one, since
environments are shown by inspection tools and inherited by children. A wrong value ends the process with one
line and exit code 78.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from megdt_stream.errors import ConfigError
from megdt_stream.evidence import topics

PREFIX: Final = "MEGDT_"

_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def _addresses(text: str) -> str:
    parts = [part.strip() for part in text.split(",")] if text else []
    for part in parts:
        match = _ADDRESS.fullmatch(part)
        if match is None or not 0 < int(match[1]) < 65_536:
            raise PydanticCustomError("address", "host:port[,host:port...]")
    return ",".join(parts)


def _redis_url(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.hostname or parts.path):
        raise PydanticCustomError("url", "redis://host:port/0, rediss://... for TLS, or unix:///path")
    if parts.password:
        raise PydanticCustomError("address", "no password here; it goes into MEGDT_REDIS_PASSWORD_FILE")
    return text


def _topic_names(found: Any) -> Any:
    return [name.strip() for name in found.split(",") if name.strip()] if isinstance(found, str) else found


def _input_topics(names: frozenset[str]) -> frozenset[str]:
    known = {topic.short for topic in topics.INPUTS}
    if not names <= known:
        raise PydanticCustomError("topics", f"short names of input topics: {', '.join(sorted(known))}")
    return names


Addresses = Annotated[str, AfterValidator(_addresses)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
InputTopics = Annotated[frozenset[str], NoDecode, BeforeValidator(_topic_names), AfterValidator(_input_topics)]


class Settings(BaseSettings):
    """All settings, validated together. Make one with `load`; it is never changed afterwards."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True
    )

    kafka: Addresses = ""
    """Kafka brokers, host:port[,host:port...]. Needed by every command that talks to Kafka."""
    redis: RedisUrl = ""
    """The store: redis://host:port/0, rediss:// for TLS, unix:///path. The password comes from its file."""
    site: str = Field("default", pattern=_CODE)
    """Name of this installation, for logs."""
    group: str = Field("megdt-mirror", pattern=_CODE)
    """Consumer group of the workers. Another group means another reader of the same store: leave it."""
    partitions: int = Field(8, ge=1, le=1_000)
    """Partitions of the topics. Fixed for the life of an installation."""

    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to Kafka."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How to log in, where the protocol has SASL."""
    kafka_username: str = ""
    """User for SASL."""
    kafka_password_file: Path | None = None
    """File with the password for SASL."""
    kafka_ca_file: Path | None = None
    """Certificates that sign the brokers' (PEM). Without it: those of the system."""
    kafka_cert_file: Path | None = None
    """Certificate of this client (PEM), for mutual TLS."""
    kafka_key_file: Path | None = None
    """Private key of that certificate (PEM)."""
    redis_password_file: Path | None = None
    """File with the password of the user named in MEGDT_REDIS."""
    redis_ca_file: Path | None = None
    """Certificates that sign the store's (PEM), with rediss://."""

    transactional_topics: InputTopics = frozenset()
    """Input topics whose publishers use transactions (short names, commas). Elsewhere a gap is an error."""
    max_poll_records: int = Field(2_000, ge=1, le=5_000)
    """Largest batch, in records of one poll."""
    session_timeout_seconds: float = Field(10.0, ge=1.0, le=300.0)
    """After this silence the group gives a worker's partitions away."""
    max_poll_interval_seconds: float = Field(60.0, ge=5.0, le=3_600.0)
    """A worker that has not polled for this long is out of the group."""
    drain_seconds: float = Field(20.0, gt=0.0, le=600.0)
    """How long a worker may take to finish its work after SIGTERM."""
    stall_seconds: float = Field(60.0, ge=5.0, le=3_600.0)
    """Backlog and no progress for this long, dependencies up: the process ends with exit code 75."""

    clock: Literal["wall", "event"] = "wall"
    """Where ticks take the time from: the wall clock, or the events themselves (imports, demonstrations)."""
    tick_seconds: float = Field(60.0, ge=0.05, le=86_400.0)
    """Time between two ticks, the moments at which overdue assessments are looked for."""
    train_days: int = Field(7, ge=0, le=3_650)
    """Days of domain time after which the severities of assessors are learnt anew; 0 never."""
    train_pause_seconds: float = Field(60.0, ge=0.0, le=86_400.0)
    """Least time between two such trainings, and after the worker's start."""
    look_pause_seconds: float = Field(30.0, ge=0.0, le=86_400.0)
    """Least time between two looks of the weekly rules, and after the worker's start."""
    advise_days: int = Field(0, ge=0, le=3_650)
    """Days of domain time after which recommendations are made without being asked for; 0 never, 7 weekly."""
    advise_most: int = Field(20, ge=1, le=1_000)
    """Most recommendations made so that wait for an answer at a time."""
    advise_pause_seconds: float = Field(60.0, ge=0.0, le=86_400.0)
    """Least time between two such rounds, and after the worker's start."""
    twin_cache: int = Field(400_000, ge=0, le=50_000_000)
    """Twins kept in the worker's memory."""
    reject_limit_ratio: float = Field(0.5, gt=0.0, le=1.0)
    """Share of rejected events at which a worker stops; 1 never stops."""
    reject_limit_events: int = Field(1_000, ge=1)
    """Events looked at before that share means anything, and the length of the window."""
    seeds_dir: Path | None = None
    """Folder with this installation's own reference data, file by file (docs/reference-data.md)."""

    http_host: str = Field("127.0.0.1", min_length=1)
    """Address for /metrics, /livez, /readyz and /startupz."""
    http_port: int = Field(9464, ge=0, le=65_535)
    """Port for these; 0 takes a free one and logs it."""
    ready_backlog_seconds: float = Field(30.0, gt=0.0)
    """A worker whose oldest waiting record is older is not ready."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level of our own lines. Libraries are heard from WARNING on: below, they log data."""

    @model_validator(mode="after")
    def _files_exist(self) -> Settings:
        for name in type(self).model_fields:
            path = getattr(self, name)
            if name.endswith("_file") and path is not None and not _is_file(path):
                raise _wrong(name, path, "the path of a readable file")
        if self.seeds_dir is not None and not self.seeds_dir.is_dir():
            raise _wrong("seeds_dir", self.seeds_dir, "the path of a folder")
        return self

    @model_validator(mode="after")
    def _security_complete(self) -> Settings:
        if self.kafka_protocol.startswith("SASL") and not self.kafka_username:
            raise _wrong("kafka_username", None, f"a user, as MEGDT_KAFKA_PROTOCOL is {self.kafka_protocol}")
        if self.kafka_protocol.startswith("SASL") and self.kafka_password_file is None:
            raise _wrong("kafka_password_file", None, f"a file, as MEGDT_KAFKA_PROTOCOL is {self.kafka_protocol}")
        if (self.kafka_cert_file is None) != (self.kafka_key_file is None):
            missing = "kafka_key_file" if self.kafka_key_file is None else "kafka_cert_file"
            raise _wrong(missing, None, "a file: certificate and key come together")
        return self

    @model_validator(mode="after")
    def _intervals_nest(self) -> Settings:
        if self.max_poll_interval_seconds <= self.session_timeout_seconds:
            raise _wrong(
                "max_poll_interval_seconds",
                f"{self.max_poll_interval_seconds:g}",
                f"more than MEGDT_SESSION_TIMEOUT_SECONDS ({self.session_timeout_seconds:g})",
            )
        return self

    @property
    def brokers(self) -> list[str]:
        """Give the brokers as a list of host:port."""
        return self.kafka.split(",") if self.kafka else []

    @property
    def kafka_security(self) -> KafkaSecurity:
        """Give what a Kafka client needs to connect, with the password read from its file now."""
        return KafkaSecurity(
            protocol=self.kafka_protocol,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=read_secret("kafka_password_file", self.kafka_password_file),
            ca_file=self.kafka_ca_file,
            cert_file=self.kafka_cert_file,
            key_file=self.kafka_key_file,
        )

    @property
    def redis_options(self) -> dict[str, Any]:
        """Give keyword arguments for `redis.from_url(settings.redis, ...)`: password and certificates."""
        options: dict[str, Any] = {}
        if self.redis_password_file is not None:
            options["password"] = read_secret("redis_password_file", self.redis_password_file)
        if self.redis_ca_file is not None and self.redis.startswith("rediss:"):
            options["ssl_ca_certs"] = str(self.redis_ca_file)
        return options


@dataclass(frozen=True, slots=True, repr=False)
class KafkaSecurity:
    """How to connect to Kafka. Its representation says nothing, for it holds a password."""

    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def options(self) -> dict[str, Any]:
        """Give keyword arguments that kafka-python's and aiokafka's clients share."""
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = self.ssl_context()
        return options

    def ssl_context(self) -> ssl.SSLContext:
        """Make a context that verifies the broker's name and certificate. Raises ConfigError."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"the TLS files for Kafka are not usable: {error}",
                remedy="MEGDT_KAFKA_CA_FILE, _CERT_FILE and _KEY_FILE take PEM files that belong together",
            ) from error
        return context


Need = Literal["kafka", "redis"]


def load(needs: Iterable[Need] = (), **overrides: Any) -> Settings:
    """Read the environment; `overrides` (such as command-line options) win where they are not None.

    `needs` names what has no default and must be set for this command. Raises ConfigError with one line.
    """
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise _config_error(error.errors(include_url=False)[0]) from None
    for name in needs:
        if not getattr(settings, name):
            example = {"kafka": "localhost:9092", "redis": "redis://localhost:6379/0"}[name]
            raise ConfigError(f"{variable(name)} is not set", remedy=f"set it, for example to {example}")
    return settings


def unknown_variables(names: Iterable[str] | None = None) -> list[str]:
    """Give the variables that start with MEGDT_ and are no setting, each with the nearest one there is."""
    known = [variable(name) for name in Settings.model_fields]
    found = os.environ if names is None else names
    unknown = sorted(
        name for name in found if name.upper().startswith(PREFIX) and name.upper() not in {*known, *_OTHERS}
    )
    return [_suggest(name, known) for name in unknown]


_OTHERS: Final = frozenset(
    {
        *("MEGDT_DATA_DIR", "MEGDT_FAILPOINTS", "MEGDT_TEST_KAFKA", "MEGDT_TEST_REDIS"),
        *("MEGDT_PSEUDONYM_KEY", "MEGDT_PSEUDONYM_KEY_FILE"),
    }
)
"""Variables with the prefix that are read elsewhere: by the command line, crash points and tests."""


def _suggest(name: str, known: list[str]) -> str:
    near = get_close_matches(name.upper(), known, n=1)
    return f"{name} (did you mean {near[0]}?)" if near else name


def variable(name: str) -> str:
    """Give the environment variable of a setting."""
    return PREFIX + name.upper()


def without_password(url: str) -> str:
    """Give an address that may be shown: user and password taken out."""
    return re.sub(r"//.*@", "//", url)


def read_secret(name: str, path: Path | None) -> str:
    """Read a secret from its file; one line end at its end does not belong to it. No path: no secret."""
    if path is None:
        return ""
    try:
        secret = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{variable(name)} names {path}, which cannot be read ({type(error).__name__})",
            remedy="give the path of a text file that this user may read",
        ) from error
    if not secret:
        raise ConfigError(f"{variable(name)} names {path}, which is empty", remedy="write the secret into it")
    return secret


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long, because it is the secret itself
        return False


def _wrong(name: str, found: object, accepted: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{accepted}", {"name": name, "found": found, "accepted": accepted})


def _config_error(details: ErrorDetails) -> ConfigError:
    """Turn pydantic's first complaint into one line: the variable, what was found, what is accepted."""
    context = details.get("ctx", {})
    name = str(context.get("name") or details["loc"][0])
    found = context["found"] if "found" in context else details["input"]
    accepted = str(context.get("accepted") or details["msg"]).removeprefix("Input should be ")
    if details["type"] == "extra_forbidden":
        return ConfigError(f"there is no setting {name!r}", remedy="see docs/operate.md for those there are")
    return ConfigError(f"{variable(name)} {_shown(name, found)}", remedy=f"accepted: {accepted}")


_MAY_HOLD_SECRET: Final = frozenset({"redis", "kafka_password_file", "kafka_key_file", "redis_password_file"})


def _shown(name: str, found: object) -> str:
    """Show a wrong value, except where somebody may have put a secret by mistake."""
    if found is None:
        return "is not set"
    if name in _MAY_HOLD_SECRET:
        return "is not usable (its value is not shown)"
    return f"is {str(found).rpartition('@')[2][:120]!r}"


def describe() -> str:
    """Give the table of settings for docs/operate.md."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(["| variable | accepted | default | meaning |", "|---|---|---|---|", *rows])


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split())
    return f"| `{variable(name)}` | {_accepted(field)} | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    default = field.default
    return "" if default in (None, "", frozenset()) else f"`{default}`"


def _accepted(field: FieldInfo) -> str:
    schema = Settings.model_json_schema(by_alias=False)["properties"]
    own = next(schema[name] for name, other in Settings.model_fields.items() if other is field)
    if "enum" in own:
        return ", ".join(own["enum"])
    return _range(own) if own.get("type") in {"integer", "number"} else _kind(field)


_LIMITS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}


def _range(schema: dict[str, Any]) -> str:
    limits = [text.format(f"{schema[key]:g}") for key, text in _LIMITS.items() if key in schema]
    kind = "integer" if schema["type"] == "integer" else "number"
    return ", ".join([kind, *limits])


def _kind(field: FieldInfo) -> str:
    return "path" if "Path" in str(field.annotation) else "text"
