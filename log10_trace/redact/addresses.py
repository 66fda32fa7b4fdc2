"""Detectors of e-mail addresses and of IP addresses. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from log10_trace.redact.boundaries import begin_number, begin_word
from log10_trace.redact.detector import Detector, Span

_LETTERS: Final = "A-Za-z0-9_\u00aa-\u024f\u0370-\u052f"
"""Latin, Greek and Cyrillic letters, and digits. The scripts that write without spaces between words are not
among them: what stands before an address there is not a part of it."""
_LOCAL: Final = rf"{_LETTERS}.+%'-"
_LABEL: Final = rf"[{_LETTERS}-]+"
_EMAIL: Final = re.compile(rf"{begin_word(_LOCAL)}[{_LOCAL}]+@(?:{_LABEL}\.)+(?P<top_level>{_LABEL})")
_NO_TOP_LEVEL: Final = re.compile(r"[0-9]|.$|(?:png|jpe?g|gif|webp|svg|pdf)$", re.IGNORECASE)
"""What no top-level domain is: it begins with a digit, has one letter, or ends the name of a file."""

_GIT: Final = "git@"
_NO_ADDRESS: Final = re.compile(rf"://[^\s/@]*.{{{len(_GIT)}}}$|(?<![\w.+-]){_GIT}$")
"""Ends in the first characters of a password in a URL, or of a remote of Git."""
_MAX_USER: Final = 80


def _find_emails(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        if not _NO_TOP_LEVEL.match(match["top_level"]):
            address = match[0].lstrip(".'-")
            start = match.end() - len(address)
            if not _NO_ADDRESS.search(text[max(0, start - _MAX_USER) : start + len(_GIT)]):
                yield Span(start, start + len(address.rstrip("-_")))


_HEX: Final = "[0-9A-Fa-f]"
_IPV4: Final = re.compile(
    rf"[0-9]{begin_number('A-Za-z0-9_.', '[0-9]')}[0-9]{{0,2}}(?:\.[0-9]{{1,3}}){{3}}"
    r"(?![A-Za-z0-9_]|-[A-Za-z]|\.[0-9])"
)
_IPV6: Final = re.compile(
    rf"{begin_number('A-Za-z0-9_:.')}{_HEX}{{0,4}}:(?:{_HEX}{{0,4}}:){{1,7}}[0-9A-Fa-f.]{{0,15}}(?![A-Za-z0-9_:])"
)
_VERSION: Final = re.compile(r"(?:version|release|build|\bv)[\s:=]*$", re.IGNORECASE)
_MAX_WORD: Final = 12
_MIN_V6_DIGITS: Final = 2


def _find_ips(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        is_version = _VERSION.search(text[max(0, match.start() - _MAX_WORD) : match.start()])
        if not is_version and _is_foreign(match[0]):
            yield Span(*match.span())
    if ":" not in text:
        return
    for match in _IPV6.finditer(text):
        address = match[0].rstrip(".")
        if sum(each != ":" for each in address) > _MIN_V6_DIGITS and _is_foreign(address):
            yield Span(match.start(), match.start() + len(address))


def _is_foreign(address: str) -> bool:
    """Whether it is an address, and not one that every machine has for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)


emails: Final = Detector("email", _find_emails, str.lower)
"""E-mail addresses."""
ips: Final = Detector("ip", _find_ips, str.lower)
"""IP addresses, version 4 and 6, but for those that stand for the machine itself."""
