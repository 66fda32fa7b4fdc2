"""The provider and the server of a call, from its base URL."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

OPENAI: Final = "openai"
"""The provider where the base URL names none that the conventions know: the API that is spoken."""

PROVIDERS: Final = (
    ("*.openai.azure.com", "azure.ai.openai"),
    ("*.cognitiveservices.azure.com", "azure.ai.openai"),
    ("*.services.ai.azure.com", "azure.ai.inference"),
    ("*.models.ai.azure.com", "azure.ai.inference"),
    ("models.inference.ai.azure.com", "azure.ai.inference"),
    ("*.amazonaws.com", "aws.bedrock"),
    ("api.anthropic.com", "anthropic"),
    ("api.cohere.*", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("*aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("*.googleapis.com", "gcp.gen_ai"),
    ("api.groq.com", "groq"),
    ("*.ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.*", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
)
"""Host names, ``*`` for any part of one, and the conventions' names; the first that fits counts."""

_PORTS: Final = {"http": 80, "https": 443}
_CACHED_URLS: Final = 1024


@dataclass(frozen=True, slots=True)
class CallTarget:
    """Where a call went."""

    provider: str
    address: str = ""
    """The host name; empty where the record has no base URL that names one."""
    port: int | None = None


@lru_cache(maxsize=_CACHED_URLS)
def find_target(base_url: str) -> CallTarget:
    """The provider and the server that a base URL leads to; OpenAI where it names no other."""
    try:
        parts = urlsplit(base_url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return CallTarget(OPENAI)
    host = (parts.hostname or "").rstrip(".")
    found = (provider for pattern, provider in PROVIDERS if fnmatchcase(host, pattern))
    return CallTarget(next(found, OPENAI), host, port if host else None)
