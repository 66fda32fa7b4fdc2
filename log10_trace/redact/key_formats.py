"""The detector of credentials: API keys of known vendors, private keys, tokens, passwords in URLs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from log10_trace.redact.boundaries import begin_word
from log10_trace.redact.detector import Detector, Span

_WORD: Final = r"A-Za-z0-9_\-"
_BEGIN: Final = begin_word(_WORD)
_BASE64: Final = "A-Za-z0-9+/"


@dataclass(frozen=True)
class KeyFormat:
    """What the keys of a vendor look like."""

    name: str
    needles: tuple[str, ...]
    """One of them stands in every text that has such a key, in lower case: a quick look spares the rest."""
    pattern: str
    """Matches a key; where it has groups with names, only that which matched is the secret."""
    needs_digit: bool = False
    """Whether a match without a digit is no key, but words: ``sk-learn-tutorials-and-examples``."""

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern, compiled when it is first needed."""
        return re.compile(self.pattern)


KEY_FORMATS: Final = (
    # The oldest one is that of ``patterns()``: OpenAI, Anthropic, OpenRouter, Stripe, GitHub, Slack, our own.
    KeyFormat(
        "sk, pk, rk", ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_"),
        rf"{_BEGIN}[spr]k[-_][{_WORD}]{{16,}}", needs_digit=True,
    ),
    KeyFormat(
        "GitHub", ("ghp", "gho", "ghu", "ghs", "ghr", "github_pat_"),
        rf"{_BEGIN}(?:gh[pousr][-_][{_WORD}]{{16,}}|github_pat_[{_WORD}]{{20,}})",
    ),
    KeyFormat(
        "Slack", ("xox", "xapp-", "hooks.slack.com"),
        rf"{_BEGIN}(?:xox[a-z](?:\.xox[a-z])?[-_][{_WORD}]{{10,}}|xapp-\d-[{_WORD}]{{16,}})"
        rf"|hooks\.slack\.com/(?:services|workflows)/(?P<value>[{_WORD}/]{{20,}})",
    ),
    KeyFormat(
        "AWS access key", ("akia", "asia", "agpa", "aida", "aroa", "anpa", "anva", "abia", "acca"),
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    ),
    KeyFormat(
        "AWS secret key", ("secret", "akia", "asia"),
        rf"(?:(?:[Ss]ecret|SECRET)[_-]?(?:[Aa]ccess|ACCESS)?[_-]?(?:[Kk]ey|KEY)?|\b(?:AKIA|ASIA)[A-Z2-7]{{16}})"
        rf"[\s\"':=>,|]{{1,12}}(?P<value>[{_BASE64}]{{40}})(?![{_BASE64}=])",
    ),
    KeyFormat(
        "Google", ("aiza", "ya29.", "gocspx-"),
        rf"{_BEGIN}(?:AIza[{_WORD}]{{35}}|ya29\.[{_WORD}.]{{20,}}|GOCSPX-[{_WORD}]{{20,}})",
    ),
    KeyFormat(
        "Azure", ("accountkey=", "sharedaccesskey=", "jqqj9", "sig=", "q~", "subscription-key"),
        rf"(?:Account|SharedAccess)Key=(?P<account>[{_BASE64}]{{40,88}}={{0,2}})"
        rf"|(?<![{_BASE64}])[A-Za-z0-9]{{52}}JQQJ9[A-Za-z0-9]{{26,31}}(?![{_BASE64}])"
        rf"|[?&;]sig=(?P<sig>[{_BASE64}%]{{40,}}={{0,2}})"
        r"|(?<![\w.~-])[\w.~-]{3}\dQ~[\w.~-]{31,34}(?![\w~-])"
        r"|[Ss]ubscription-[Kk]ey\W{1,5}(?P<value>[0-9a-f]{32})\b",
    ),
    KeyFormat("Stripe webhook", ("whsec_",), rf"{_BEGIN}whsec_[{_BASE64}]{{20,}}={{0,2}}"),
    KeyFormat("Hugging Face", ("hf_",), rf"{_BEGIN}hf_[A-Za-z0-9]{{30,}}"),
    KeyFormat(
        "others",
        ("gsk_", "xai-", "r8_", "pplx-", "npm_", "pypi-", "glpat-", "sg.", "l10_", "lsv2_", "dop_v1_"),
        rf"{_BEGIN}(?:(?:gsk_|xai-|pplx-|pypi-)[{_WORD}]{{32,}}|(?:r8_|npm_)[A-Za-z0-9]{{30,}}"
        rf"|(?:glpat-|dop_v1_|lsv2_|l10_)[{_WORD}]{{16,}}|SG\.[{_WORD}]{{16,}}\.[{_WORD}]{{16,}})",
    ),
    KeyFormat(
        "PEM", ("private key",),
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:[{_BASE64}=\s:,.()]|\\[nr]|-(?!----))*"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    KeyFormat("JWT", ("eyj",), rf"{_BEGIN}eyJ[{_WORD}]{{8,}}\.[{_WORD}]{{8,}}(?:\.[{_WORD}]+){{0,3}}"),
    KeyFormat(
        "bearer", ("bearer",),
        rf"(?i:\bbearer)[\s:]{{1,4}}(?P<value>[{_WORD}.~+/]{{16,}}={{0,2}})", needs_digit=True,
    ),
    KeyFormat(
        "basic", ("basic ",),
        rf"(?i:authorization\W{{1,5}}basic )(?P<value>[{_BASE64}]{{8,}}={{0,2}})",
    ),
    KeyFormat(
        "named", ("key", "token", "secret", "passw", "passphrase"),
        r"(?i:(?:api|access|auth|private|secret)[-_ ]?(?:key|token)|client[-_ ]?secret"
        r"|passw(?:or)?d|passphrase)"
        r"(?i:[\\\"'\s]{0,4}(?:[:=]{1,2}>?|\bis\b)[\\\"'\s]{0,4})(?P<value>[\w.+/~-]{16,}={0,2})",
        needs_digit=True,
    ),
    KeyFormat(
        "password in a URL", ("://",),
        r"(?<=://)[^\s/:@\"'\\]{0,64}:(?P<value>[^\s/@\"'\\]{1,128})@",
    ),
)  # fmt: skip

_SECRET_FIELD: Final = re.compile(
    r"(?:api|access|account|private|secret|shared|subscription|signing|encryption|auth|session)[_-]?key$"
    r"|secret|passw(?:or)?d|passphrase|authorization|credential|(?:access|api|auth|bearer|refresh|id)[_-]?token$",
    re.IGNORECASE,
)
_MIN_SECRET: Final = 16


def _find_keys(text: str) -> Iterator[Span]:
    lower = text.lower()
    for form in KEY_FORMATS:
        if not any(needle in lower for needle in form.needles):
            continue
        for match in form.expression.finditer(text):
            span = Span(*match.span(match.lastgroup or 0))
            if not form.needs_digit or any(map(str.isdigit, text[slice(*span)])):
                yield span


def _is_secret_field(field: str, value: str) -> bool:
    """Whether a field with the name of a secret holds what looks random: long, in one piece, with a digit."""
    return (
        len(value) >= _MIN_SECRET
        and _SECRET_FIELD.search(field) is not None
        and not any(map(str.isspace, value))
        and any(map(str.isdigit, value))
    )


keys: Final = Detector("key", _find_keys, is_field=_is_secret_field)
"""API keys of the known vendors, private keys, JSON web tokens, bearer tokens, passwords in URLs."""
