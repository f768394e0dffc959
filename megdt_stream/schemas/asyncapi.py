"""The AsyncAPI 3.0 document of the topics, made from the schemas and the list of topics.

It describes MEGDT stream: what it receives, hospitals send. https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from megdt_stream.evidence import topics
from megdt_stream.evidence.topics import Role, Topic
from megdt_stream.schemas.catalogue import Catalogue, TopicSchema

_BINDING: Final = "0.5.0"
_TOPIC_SETTINGS: Final[Mapping[str, Callable[[str], Any]]] = {
    "cleanup.policy": lambda value: [value],
    "retention.ms": int,
    "retention.bytes": int,
    "max.message.bytes": int,
}
"""What the Kafka binding knows of a topic, and the type that it wants."""

_DESCRIPTION: Final = """\
Evidence of medical training, received as CloudEvents 1.0 over Kafka; warnings and rejects, sent. Payloads are described
by the JSON Schemas (2020-12) beside this document, whose references stand relative to it. Topics stamp records with the
broker's append time. Delivery is at least once everywhere: (source, id, revision) names one version of a record."""
_STRUCTURED: Final = "Structured mode: the record's value is the whole CloudEvent, no headers are needed."
_BINARY: Final = """\
Binary mode: attributes are headers `ce_<attribute>` in UTF-8, `content-type` is datacontenttype, the record's value is
`data` alone. It is recognised by `ce_specversion`. In structured mode none of these is needed."""

_SERVERS: Final = {
    "hospital": {
        "host": "{broker}:{port}",
        "protocol": "kafka-secure",
        "description": "The hospital's brokers. A publisher may write its own topics and read none.",
        "variables": {
            "broker": {"description": "Name of a bootstrap broker.", "default": "kafka.hospital.example"},
            "port": {"description": "Port of the TLS listener.", "default": "9093"},
        },
        "security": [
            {"$ref": "#/components/securitySchemes/scram"},
            {"$ref": "#/components/securitySchemes/certificate"},
        ],
        "bindings": {"kafka": {"bindingVersion": _BINDING}},
    },
    "local": {
        "host": "localhost:{port}",
        "protocol": "kafka",
        "description": "A broker for trials on this computer, such as `megdt up` starts.",
        "variables": {"port": {"description": "The port that `megdt up` names.", "default": "9092"}},
        "bindings": {"kafka": {"bindingVersion": _BINDING}},
    },
}
_SECURITY: Final = {
    "scram": {
        "type": "scramSha512",
        "description": "SASL SCRAM-SHA-512 over TLS, one user for each publishing system.",
    },
    "certificate": {"type": "X509", "description": "Mutual TLS with a client certificate for each publishing system."},
}


def document(catalogue: Catalogue, version: str) -> dict[str, Any]:
    """Write the document. `version` is that of the newest release of the schemas."""
    schemas = [(topic, catalogue.topics[topic.name]) for topic in topics.ALL]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "MEGDT stream",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {topic.short: _channel(topic, schema) for topic, schema in schemas},
        "operations": dict(_operation(topic, schema) for topic, schema in schemas),
        "components": {
            "messages": {
                name: message for topic, schema in schemas for name, message in _messages(catalogue, topic, schema)
            },
            "schemas": {"binaryHeaders": _binary_headers()},
            "securitySchemes": _SECURITY,
        },
    }


def _channel(topic: Topic, schema: TopicSchema) -> dict[str, Any]:
    settings = {name: read(topic.settings[name]) for name, read in _TOPIC_SETTINGS.items() if name in topic.settings}
    return {
        "address": topic.name,
        "title": schema.title,
        "description": f"Record key: {schema.key}. Kept: {schema.retention}. Changes: {schema.mode}. "
        f"Owner: {schema.owner}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(schema)},
        "bindings": {
            "kafka": {"topic": topic.name, "topicConfiguration": settings, "bindingVersion": _BINDING},
        },
    }


def _operation(topic: Topic, schema: TopicSchema) -> tuple[str, dict[str, Any]]:
    receives = topic.role in (Role.INPUT, Role.REQUEST)
    channel = f"#/channels/{topic.short}"
    return f"{'receive' if receives else 'send'}-{topic.short}", {
        "action": "receive" if receives else "send",
        "channel": {"$ref": channel},
        "title": schema.title,
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _names(schema)],
        "bindings": {"kafka": {"bindingVersion": _BINDING}},
    }


def _names(schema: TopicSchema) -> list[str]:
    """Name the messages of a topic; evidence kinds say that they are evidence, events have their short type."""
    return [_name(schema, kind) for kind in schema.kinds]


def _name(schema: TopicSchema, kind: str) -> str:
    if schema.discriminator == "type":
        name = kind.removeprefix("megdt.").removesuffix(".v1")
        # A request and its answer may have one type: both are given up by the same word.
        return f"{schema.short}.{name}" if schema.name == topics.SCENARIO_RESULTS.name else name
    return f"{schema.short}.{kind}" if kind else schema.short


def _messages(catalogue: Catalogue, topic: Topic, schema: TopicSchema) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in schema.kinds:
        yield _name(schema, kind), _message(catalogue, topic, schema, kind)


def _message(catalogue: Catalogue, topic: Topic, schema: TopicSchema, kind: str) -> dict[str, Any]:
    file = {"$ref": f"./{schema.name}.schema.json"}
    key = {"type": "string", "description": f"The record key: {schema.key}"}
    message: dict[str, Any] = {"name": kind or schema.name, "title": schema.title}
    if topic is topics.REJECTS:
        message |= {"headers": file, "payload": {"description": schema.document["description"]}}
        message["contentType"] = "application/octet-stream"
    elif topic.role is Role.INPUT:
        message |= {"summary": _STRUCTURED, "description": _BINARY, "contentType": "application/cloudevents+json"}
        message |= {"headers": {"$ref": "#/components/schemas/binaryHeaders"}, "payload": _payload(schema, kind, file)}
    elif topic.role is Role.REQUEST:
        message |= {"summary": _STRUCTURED, "contentType": "application/cloudevents+json"}
        message["payload"] = _payload(schema, kind, file)
    else:
        message |= {"contentType": "application/json", "payload": _payload(schema, kind, file)}
    message["bindings"] = {"kafka": {"key": key, "bindingVersion": _BINDING}}
    message["examples"] = [_example(catalogue, topic, schema, kind)]
    return message


def _payload(schema: TopicSchema, kind: str, file: Mapping[str, str]) -> dict[str, Any]:
    if not schema.discriminator:
        return dict(file)
    return {"allOf": [file, {"properties": {schema.discriminator: {"const": kind}}}]}


def _example(catalogue: Catalogue, topic: Topic, schema: TopicSchema, kind: str) -> dict[str, Any]:
    """Show the shortest valid example of a kind."""
    found = catalogue.examples(schema.name)
    ours = {name: value for name, value in found.items() if schema.kind_of(value) == kind}
    name = min(ours, key=lambda one: (len(json.dumps(ours[one])), one))
    return {"name": name, "headers" if topic is topics.REJECTS else "payload": ours[name]}


def _binary_headers() -> dict[str, Any]:
    attributes = ("specversion", "id", "source", "type", "subject", "time", "revision", "recorded", "available")
    names = [*(f"ce_{attribute}" for attribute in attributes), "content-type", "traceparent"]
    return {
        "description": _BINARY,
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
    }
