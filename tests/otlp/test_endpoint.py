"""How an endpoint is named."""

from __future__ import annotations

import pytest

from log10_trace.otlp.endpoint import parse_headers, parse_url, read_resource, split_url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("http://127.0.0.1:6006/v1/traces", "http://127.0.0.1:6006/v1/traces"),
        (" https://h.example/api/public/otel/ ", "https://h.example/api/public/otel/v1/traces"),
        ("https://h.example/otel/v1/traces/", "https://h.example/otel/v1/traces"),
    ],
)
def test_the_path_is_added_where_it_is_missing(given: str, url: str) -> None:
    """As exporters of OpenTelemetry do with OTEL_EXPORTER_OTLP_ENDPOINT."""
    assert parse_url(given) == url
    server, path = split_url(url)
    assert server + path == url


@pytest.mark.parametrize(
    "given", ["", "127.0.0.1:4318", "grpc://h:4317", "http://u:p@h", "http://h/?a=b", "http://h:x", 7, None]
)
def test_what_is_no_address_is_refused(given: object) -> None:
    """With a sentence that does not repeat a password."""
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_url(given)

    assert "u:p" not in str(refused.value)


def test_headers_are_written_as_opentelemetry_does() -> None:
    """Names and values in pairs, percent-encoded where they need it."""
    assert parse_headers("api-key=secret, authorization=Bearer%20a%3Db,") == {
        "api-key": "secret",
        "authorization": "Bearer a=b",
    }
    assert parse_headers({"X-Tenant": "acme"}) == {"X-Tenant": "acme"}
    assert parse_headers("") == {}


@pytest.mark.parametrize(
    "given",
    [
        "api-key",
        "=x",
        "a b=x",
        "a=",
        "a=%0d%0aevil: 1",
        "Content-Type=text/plain",
        {"a": 1},
        {1: "a"},
        {"a": "é"},
        ["a=b"],
    ],
)
def test_headers_that_cannot_be_sent_are_refused(given: object) -> None:
    """Also those that would change what is sent."""
    with pytest.raises(ValueError, match="header"):
        parse_headers(given)


def test_the_service_is_named_as_sdks_do() -> None:
    """The variables of OpenTelemetry count; our name stands in."""
    assert read_resource({}) == {"service.name": "log10-trace"}
    assert read_resource({"OTEL_SERVICE_NAME": "shop"}) == {"service.name": "shop"}
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a%20b,deployment.environment.name=test,odd"}
    assert read_resource(attributes) == {"service.name": "a b", "deployment.environment.name": "test"}
