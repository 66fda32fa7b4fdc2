"""Texts in which every value of a kind is marked, for measuring detectors: made here, from a seed.

No value belongs to a person. Card numbers have the first digits of test cards; addresses and telephone
numbers are of the ranges reserved for documentation where there are such, and random elsewhere; keys are random
characters in the form of the vendor's. The texts are by the authors of the detectors: a text of ``HARD`` was
written after the detectors, and they were not changed for its sake unless they broke their own description.
"""

# ruff: noqa: E501, RUF001 -- a table with a text a line, in sixteen languages

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple


class Label(NamedTuple):
    """A value in a text."""

    kind: str
    start: int
    end: int


class LabelledText(NamedTuple):
    """A text and the values in it, in order."""

    text: str
    labels: tuple[Label, ...]
    language: str


SEED: Final = 20_261_130
FILLS: Final = 3
"""How often each template is filled."""

_PLACE: Final = re.compile(r"\{(?P<kind>[a-z0-9]+)(?::(?P<form>[a-z0-9]+))?\}")


def make_texts(seed: int = SEED) -> list[LabelledText]:
    """All texts, the same for the same seed."""
    values = _Values(random.Random(seed))
    return [
        _fill(template, language, values)
        for language, templates in (*TEMPLATES, *HARD)
        for template in templates
        for _ in range(FILLS)
    ]


def _fill(template: str, language: str, values: _Values) -> LabelledText:
    text, labels, at = "", [], 0
    for place in _PLACE.finditer(template):
        text += _unescape(template[at : place.start()])
        value = values.draw(place["kind"], place["form"])
        if not place["kind"].startswith("not"):
            labels.append(Label(place["kind"], len(text), len(text) + len(value)))
        text += value
        at = place.end()
    return LabelledText(text + _unescape(template[at:]), tuple(labels), language)


def _unescape(part: str) -> str:
    return part.replace("{{", "{").replace("}}", "}")


class _Values:
    """Draws values of each kind, and of what only looks so: ``notcard``, ``notphone``, ..."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def draw(self, kind: str, form: str | None) -> str:
        forms = FORMS[kind]
        usual = [each for name, each in forms.items() if name not in RARE]
        make = forms[form] if form else self._chance.choice(usual)
        return make(self._chance)


def _pick(chance: random.Random, characters: str, count: int) -> str:
    return "".join(chance.choices(characters, k=count))


_ALNUM: Final = string.ascii_letters + string.digits
_BASE64: Final = _ALNUM + "+/"
_HEX: Final = "0123456789abcdef"


def fill_digits(chance: random.Random, form: str) -> str:
    """The form with a random digit for ``#`` and one of 2 to 9 for ``N``."""
    return "".join(
        _pick(chance, "0123456789", 1)
        if each == "#"
        else _pick(chance, "23456789", 1)
        if each == "N"
        else each
        for each in form
    )


def luhn_digit(digits: str) -> str:
    """The check digit that makes a card number of the digits."""
    doubled = [int(each) * (2 - place % 2) for place, each in enumerate(reversed(digits))]
    return str(-sum(divmod(each, 10)[0] + each % 10 for each in doubled) % 10)


def iban_digits(country: str, account: str) -> str:
    """The two check digits of an IBAN."""
    number = "".join(str(int(each, 36)) for each in f"{account}{country}00")
    return f"{98 - int(number) % 97:02d}"


def _card(chance: random.Random, first: str, length: int) -> str:
    digits = first + _pick(chance, string.digits, length - 1 - len(first))
    return digits + luhn_digit(digits)


def _group(value: str, *sizes: int, separator: str = " ") -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(value[at : at + size])
        at += size
    return separator.join(parts)


def _iban(chance: random.Random, country: str, form: str) -> str:
    account = "".join(
        _pick(chance, string.digits, 1) if each == "#" else _pick(chance, string.ascii_uppercase, 1)
        for each in form
    )
    return f"{country}{iban_digits(country, account)}{account}"


def _in_fours(value: str) -> str:
    return " ".join(value[at : at + 4] for at in range(0, len(value), 4))


def _wrong(number: str) -> str:
    """The number with another last digit, so that its check fails."""
    return number[:-1] + str((int(number[-1]) + 5) % 10)


def _pem(chance: random.Random) -> str:
    lines = "\n".join(_pick(chance, _BASE64, 64) for _ in range(4))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


def _jwt(chance: random.Random) -> str:
    parts = (_pick(chance, _ALNUM + "_-", size) for size in (30, 60, 43))
    return "eyJ" + ".eyJ".join([next(parts), next(parts)]) + "." + next(parts)


def _say(form: str) -> Callable[[random.Random], str]:
    return lambda chance: fill_digits(chance, form)


def _named(names: Sequence[str], hosts: Sequence[str]) -> Callable[[random.Random], str]:
    return lambda chance: f"{chance.choice(names)}@{chance.choice(hosts)}"


_HOSTS: Final = ("example.org", "example.com", "mail.example.net", "uni.example.edu", "firma.example.de")

FORMS: Final[dict[str, dict[str, Callable[[random.Random], str]]]] = {
    "email": {
        "plain": _named(("ada", "grace.hopper", "j.doe42", "info", "max_mustermann"), _HOSTS),
        "plus": _named(("ada+news", "k.johnson+2024", "first.last+tag"), _HOSTS),
        "capital": _named(("Ada.Lovelace", "JOHN", "O'Brien"), ("Example.ORG", "EXAMPLE.com")),
        "accent": _named(("josé", "françois.dupont", "jürgen"), ("exämple.org", "example.fr")),
        "long": _named(("a-very-long-name.of-a-person", "service-desk"), ("mail.eu-west-1.example.co.uk",)),
        "obfuscated": lambda chance: f"{chance.choice(('ada', 'grace'))} (at) example (dot) org",
        "obfuscated2": lambda chance: f"{chance.choice(('ada', 'grace'))}[at]example.org",
    },
    "card": {
        "visa": lambda chance: _card(chance, "411111", 16),
        "spaced": lambda chance: _group(_card(chance, "401288", 16), 4, 4, 4, 4),
        "dashed": lambda chance: _group(_card(chance, "555555", 16), 4, 4, 4, 4, separator="-"),
        "amex": lambda chance: _group(_card(chance, "378282", 15), 4, 6, 5),
        "diners": lambda chance: _card(chance, "305693", 14),
        "jcb": lambda chance: _card(chance, "353011", 16),
        "discover": lambda chance: _group(_card(chance, "601111", 16), 4, 4, 4, 4),
        "nbsp": lambda chance: _group(_card(chance, "222300", 16), 4, 4, 4, 4, separator="\u00a0"),
        "dots": lambda chance: _group(_card(chance, "411111", 16), 4, 4, 4, 4, separator="."),
        "singles": lambda chance: " ".join(_card(chance, "411111", 16)),
    },
    "iban": {
        "de": lambda chance: _in_fours(_iban(chance, "DE", "#" * 18)),
        "gb": lambda chance: _in_fours(_iban(chance, "GB", "AAAA" + "#" * 14)),
        "fr": lambda chance: _in_fours(_iban(chance, "FR", "#" * 10 + "A" + "#" * 12)),
        "nl": lambda chance: _iban(chance, "NL", "AAAA" + "#" * 10),
        "es": lambda chance: _iban(chance, "ES", "#" * 20),
        "lower": lambda chance: _iban(chance, "AT", "#" * 16).lower(),
        "mt": lambda chance: _iban(chance, "MT", "AAAA" + "#" * 5 + "A" * 18),
        "dashed": lambda chance: _in_fours(_iban(chance, "DE", "#" * 18)).replace(" ", "-"),
    },
    "ssn": {"dashed": _say("2N8-4#-7##N"), "spaced": _say("5N1 6# 2##N"), "bare": _say("2N84#7##N")},
    "phone": {
        "us": _say("(N12) 555-01##"),
        "usdash": _say("N15-555-01##"),
        "usdot": _say("N17.555.01##"),
        "usplus": _say("+1 (N12) 555-01##"),
        "uk": _say("+44 20 7946 0###"),
        "uknational": _say("020 7946 0###"),
        "de": _say("+49 (0)30 2312#-###"),
        "denational": _say("030 / 23 12 5 ###"),
        "fr": _say("06 39 98 ## ##"),
        "frplus": _say("+33 6 39 98 ## ##"),
        "es": _say("+34 91# ### ###"),
        "jp": _say("03-5550-####"),
        "cn": _say("+86 138 0013 ####"),
        "br": _say("(11) 9####-####"),
        "ru": _say("+7 (495) 123-##-##"),
        "dialled": _say("0043 1 5550 ###"),
        "compact": _say("+49301234####"),
        "usplusdash": _say("+1-N15-555-01##"),
        "usbare": _say("N12N5501##"),
        "usspaces": _say("N12 555 01##"),
        "denational2": _say("0171-1234###"),
        "frdots": _say("06.39.98.##.##"),
        "esnational": _say("91# ### ###"),
        "itnational": _say("06 5550 ####"),
        "plnational": _say("601 2## ###"),
        "cnnational": _say("1380013####"),
        "krnational": _say("010-5550-####"),
        "runational": _say("8 (495) 123-##-##"),
    },
    "phonebare": {"de": _say("0171234####"), "es": _say("612 3## ###"), "local": _say("555-01##")},
    "ip": {
        "doc1": _say("192.0.2.1##"),
        "doc2": _say("198.51.100.2N"),
        "private": _say("10.N#.3#.1#"),
        "ten": _say("10.N.0.0"),
        "home": _say("192.168.1.#"),
        "v6": lambda chance: f"2001:db8::{_pick(chance, _HEX, 4)}",
        "v6long": lambda chance: "2001:db8:85a3:8d3:1319:8a2e:370:" + _pick(chance, "123456789", 4),
    },
    "key": {
        "openai": lambda chance: "sk-proj-" + _pick(chance, _ALNUM + "_-", 60) + "7A",
        "openaiold": lambda chance: "sk-" + _pick(chance, _ALNUM, 20) + "T3BlbkFJ" + _pick(chance, _ALNUM, 20),
        "anthropic": lambda chance: "sk-ant-api03-" + _pick(chance, _ALNUM + "_-", 92) + "AA",
        "aws": lambda chance: "AKIA" + _pick(chance, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
        "google": lambda chance: "AIza" + _pick(chance, _ALNUM, 35),
        "azure": lambda chance: _pick(chance, _ALNUM, 52) + "JQQJ99" + _pick(chance, _ALNUM, 26),
        "github": lambda chance: "ghp_" + _pick(chance, _ALNUM, 36),
        "githubfine": lambda chance: "github_pat_" + _pick(chance, _ALNUM, 22) + "_" + _pick(chance, _ALNUM, 59),
        "slack": lambda chance: fill_digits(chance, "xoxb-###########-############-") + _pick(chance, _ALNUM, 24),
        "stripe": lambda chance: "sk_live_" + _pick(chance, _ALNUM, 24) + "9",
        "huggingface": lambda chance: "hf_" + _pick(chance, _ALNUM, 34),
        "groq": lambda chance: "gsk_" + _pick(chance, _ALNUM, 52),
        "jwt": _jwt,
        "slackapp": lambda chance: fill_digits(chance, "xapp-1-A########-#########-") + _pick(chance, _HEX, 64),
        "pem": _pem,
    },
    "token": {
        "bearer": lambda chance: _pick(chance, _ALNUM, 38) + "42",
        "awssecret": lambda chance: _pick(chance, _BASE64, 40),
        "azurestorage": lambda chance: _pick(chance, _BASE64, 86) + "==",
        "password": lambda chance: _pick(chance, _ALNUM + "!$", 12),
        "hex32": lambda chance: _pick(chance, _HEX, 32),
        "basic": lambda chance: _pick(chance, _ALNUM, 23) + "=",
        "passphrase": lambda chance: _pick(chance, _ALNUM, 10) + "!7",
        "gsecret": lambda chance: "GOCSPX-" + _pick(chance, _ALNUM, 28),
        "slackhook": lambda chance: f"T{_pick(chance, _ALNUM, 9)}/B{_pick(chance, _ALNUM, 9)}/{_pick(chance, _ALNUM, 24)}",
        "sig": lambda chance: _pick(chance, _ALNUM, 43) + "%3D",
    },
    "notcard": {
        "luhn": lambda chance: _wrong(_card(chance, "411111", 16)),
        "spaced": lambda chance: _group(_wrong(_card(chance, "555555", 16)), 4, 4, 4, 4),
        "order": _say("1###############"),
        "tracking": _say("9#####################"),
        "millis": _say("17###########"),
        "float": _say("0.4#################"),
        "uuid": _say("4f3a2b1c-1#2#-4#5#-8#7#-4###########"),
        "barcode": _say("4########0###"),
    },
    "notiban": {
        "check": lambda chance: _in_fours(_wrong(_iban(chance, "DE", "#" * 18))),
        "part": _say("DE-1####-##"),
        "vin": lambda chance: "WBA" + _pick(chance, "ABCDEFGH0123456789", 14),
        "part2": _say("SE12 rev 3 from page 44 of the manual"),
    },
    "notssn": {"zero": _say("000-4#-7###"), "long": _say("123-45-6###9"), "plan": _say("2024-11-3#"), "isbn": _say("978-3-16-148410-#")},
    "notphone": {
        "date": _say("2024-0N-1N"),
        "german": _say("0N.1#.2024"),
        "time": _say("1#:3#:4#"),
        "version": _say("1#.2#.3##4"),
        "order": _say("#1-####-##"),
        "amount": _say("1.2##.###,5#"),
        "range": _say("pages 1##-2##"),
        "range2": _say("2019-2024"),
        "coordinates": _say("52.51###, 13.40###"),
        "id": _say("INV-2024-00####"),
        "big": _say("1,2##,###,###"),
    },
    "notemail": {
        "handle": lambda chance: "@" + chance.choice(("ada", "grace_h", "openai")),
        "package": lambda chance: f"react@18.{chance.randint(1, 9)}.0",
        "retina": lambda chance: chance.choice(("icon@2x.png", "logo@3x.jpg")),
        "decorator": lambda chance: chance.choice(("@app.route", "@pytest.fixture")),
        "host": lambda chance: chance.choice(("deploy@staging", "root@localhost")),
        "matrix": lambda chance: chance.choice(("A@B", "x @ w.T")),
    },
    "notip": {
        "version": _say("version 4.1#.2.1"),
        "build": _say("v2.#.1#.3"),
        "time": _say("12:3#:4#"),
        "mac": lambda chance: ":".join(_pick(chance, _HEX, 2) for _ in range(6)),
        "large": _say("3##.4##.5##.6##"),
        "section": _say("1.2.3"),
        "scope": lambda chance: chance.choice(("std::vector", "Foo::bar", "a::b")),
        "own": lambda chance: chance.choice(("127.0.0.1", "0.0.0.0", "::1")),
    },
    "notkey": {
        "sha1": lambda chance: _pick(chance, _HEX, 40),
        "sha256": lambda chance: _pick(chance, _HEX, 64),
        "uuid": lambda chance: "-".join(_pick(chance, _HEX, size) for size in (8, 4, 4, 4, 12)),
        "slug": lambda chance: chance.choice(("sk-learn-tutorial-for-beginners", "pk-fire-and-water-in-the-wild")),
        "words": lambda chance: chance.choice(("risk_assessment_of_the_project", "task-force-for-accessibility")),
        "call": lambda chance: "call_" + _pick(chance, _ALNUM, 24),
        "chat": lambda chance: "chatcmpl-" + _pick(chance, _ALNUM, 29),
        "base64": lambda chance: _pick(chance, _BASE64, 60) + "==",
        "public": lambda chance: f"-----BEGIN PUBLIC KEY-----\n{_pick(chance, _BASE64, 64)}\n-----END PUBLIC KEY-----",
    },
}  # fmt: skip
"""Kind -> name of a form -> what draws a value of it."""

RARE: Final = frozenset((
    "obfuscated", "obfuscated2", "dots", "singles", "bare", "usplusdash", "usbare", "usspaces", "denational2",
    "frdots", "esnational", "itnational", "plnational", "cnnational", "krnational", "runational", "ten", "home",
))  # fmt: skip
"""Forms that a template names when it wants them."""

TEMPLATES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("en", (
        "Please write to {email} before Friday.",
        "My address is {email:plus}, not {notemail}.",
        "From: Ada <{email}>\nTo: {email}, {email}\nSubject: hi",
        "CC {email:capital}; the thread has {notemail:handle} too.",
        "user={email:plain}&next=/home",
        "(see {email:long}).",
        "mailto:{email}?subject=Hello",
        "Install {notemail:package} and open {notemail:retina}.",
        "Use {notemail:decorator} above the function, then ssh {notemail:host}.",
        "In numpy {notemail:matrix} multiplies.",
        "Charge {card:visa} please, order {notcard:order}.",
        "Card: {card:spaced}, exp 04/29, CVC on request",
        "The customer gave {card:dashed} and later {card:amex}.",
        "Two cards: {card:jcb} / {card:diners}.",
        "Ref {notcard:luhn} is not a card; {notcard:spaced} is not either.",
        "Tracking number {notcard:tracking}, created {notcard:millis}.",
        "The score is {notcard:float} for {notcard:uuid}.",
        "EAN {notcard:barcode} out of stock; pay with {card:nbsp}.",
        "Order 12 {card:discover} confirmed.",
        "Wire it to {iban:gb}, thanks.",
        "IBAN: {iban:nl} BIC ABNANL2A",
        "Our account {iban:de} (not {notiban:check}).",
        "VIN {notiban:vin}, part {notiban:part}, {notiban:part2}.",
        "My SSN is {ssn}, my order {notssn:long}.",
        "SSN on file: {ssn:dashed}; case {notssn:zero}; ISBN {notssn:isbn}; due {notssn:plan}.",
        "Call me at {phone:us} or {phone:usplus}.",
        "Phone: {phone:usdash}\nFax: {phone:usdot}",
        "London office {phone:uk}, reception {phone:uknational}.",
        "Meet on {notphone:date} at {notphone:time}, version {notphone:version}.",
        "Invoice {notphone:id} over {notphone:big} dollars, {notphone:range}.",
        "It lies at {notphone:coordinates}; budget {notphone:range2}.",
        "Order {notphone:order} shipped. Total {notphone:amount} EUR.",
        "Her extension is {phonebare:local} at the main office.",
        "Client {ip:doc1} reached {ip:private} through {ip:v6}.",
        "[{ip:doc2}]:443 closed; listening on {notip:own}",
        "Running {notip:version} ({notip:build}) since {notip:time}.",
        "MAC {notip:mac}, code {notip:scope}, see section {notip:section}, {notip:large}.",
        "Peer {ip:v6long} timed out.",
        "export OPENAI_API_KEY={key:openai}",
        "The old one was {key:openaiold}.",
        "Claude key {key:anthropic} leaked in the log.",
        "aws_access_key_id = {key:aws}\naws_secret_access_key = {token:awssecret}",
        "Maps: https://maps.example.com/api?key={key:google}&v=3",
        "AZURE_OPENAI_API_KEY={key:azure}",
        "AccountName=store;AccountKey={token:azurestorage};EndpointSuffix=core.example.net",
        "git clone https://{key:github}@git.example.com/a/b.git",
        "GITHUB_TOKEN={key:githubfine}",
        "slack token {key:slack} in channel #ops",
        "Stripe says {key:stripe} is live.",
        'login(token="{key:huggingface}")',
        "GROQ_API_KEY: {key:groq}",
        "Cookie: session={key:jwt}; Path=/",
        "curl -H 'Authorization: Bearer {token:bearer}' https://api.example.com",
        "Here is the key:\n{key:pem}\nKeep it safe.",
        "DATABASE_URL=postgres://app:{token:password}@db.example.com:5432/main",
        "The account's api token is {token:hex32} I think.",
        "commit {notkey:sha1} builds image sha256:{notkey:sha256}",
        "request {notkey:uuid} of {notkey:chat}, tool {notkey:call}",
        "Read {notkey:slug} and {notkey:words}.",
        "Payload {notkey:base64} verified with\n{notkey:public}",
        '{{"to": "{email}", "card": "{card:visa}", "note": "line\\n{phone:usplus}"}}',
        '{{"user": {{"mail": "{email:plain}"}}, "order": "{notcard:order}", "at": "{notphone:date}"}}',
        "| name | mail | phone |\n|---|---|---|\n| Ada | {email:plain} | {phone:usdash} |",
        '```python\nclient = OpenAI(api_key="{key:openai}")\n```',
        "SELECT * FROM users WHERE email = '{email:plain}' AND id = {notcard:order};",
        "Nothing to see here: 42 apples, 3.14 pies and 1,000 reasons.",
        "The quick brown fox jumps over the lazy dog 13 times since 1999.",
    )),
    ("de", (
        "Schreiben Sie an {email} oder rufen Sie {phone:de} an.",
        "Tel.: {phone:denational}, Handy {phonebare:de}",
        "Meine IBAN lautet {iban:de}, die alte {notiban:check}.",
        "Kreditkarte {card:spaced}, gültig bis 04/29.",
        "Bestellnummer {notcard:order} vom {notphone:german}, Betrag {notphone:amount} €.",
        "Der Server {ip:doc1} meldet Version {notphone:version}.",
        "Konto bei der Bank: {iban:lower}",
    )),
    ("fr", (
        "Écrivez à {email:accent} ou appelez le {phone:fr}.",
        "Mon portable : {phone:frplus}, le bureau : {phone:fr}",
        "Virement sur {iban:fr}, réf. {notphone:id}.",
        "La carte {card:spaced} a été refusée le {notphone:german}.",
    )),
    ("es", (
        "Escríbeme a {email} o llama al {phone:es}.",
        "Mi móvil es {phonebare:es} y mi cuenta {iban:es}.",
        "La tarjeta {card:visa} no funciona, pedido {notcard:order}.",
    )),
    ("pt", ("Meu e-mail é {email}, telefone {phone:br}.", "O pedido {notcard:order} saiu em {notphone:german}.")),
    ("it", ("Scrivi a {email} entro il {notphone:german}.", "Bonifico su {iban:mt}, carta {card:dashed}.")),
    ("nl", ("Mail naar {email}, rekening {iban:nl}.", "Bestelling {notcard:order} is onderweg.")),
    ("pl", ("Proszę pisać na {email:plain}, zamówienie {notcard:order}.", "Karta {card:visa} wygasła {notphone:german}.")),
    ("sv", ("Skicka till {email}, order {notcard:luhn}.",)),
    ("tr", ("E-posta: {email}, sipariş {notcard:order}.",)),
    ("ru", ("Пишите на {email}, телефон {phone:ru}.", "Карта {card:spaced}, заказ {notcard:order}.")),
    ("ja", ("メールは{email:plain}です。電話は{phone:jp}まで。", "カード番号{card:visa}、注文番号{notcard:order}。")),
    ("zh", ("请发邮件到{email:plain}，电话{phone:cn}。", "卡号{card:visa}，订单号{notcard:order}，IP是{ip:doc2}。")),
    ("ko", ("이메일 {email}, 카드 {card:dashed}.", "서버 {ip:doc1}에 접속했습니다.")),
    ("ar", ("راسلني على {email:plain} أو اتصل على {phone:uk}.",)),
    ("hi", ("मुझे {email} पर लिखें, कार्ड {card:spaced}।",)),
)  # fmt: skip
"""Language -> texts with places for values. Doubled braces are braces."""

HARD: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("en", (
        "Reach me at {email:obfuscated}, I mean it.",
        "Contacts: {email:plain};{email:plus};{email:capital}",
        '<a href="mailto:{email:plain}">{email:plain}</a>',
        "git clone git@github.com:octo/repo.git && cd repo",
        "Author: Grace Hopper <{email:long}>  Date: Mon Mar 4 10:11:12 2024 +0100",
        "2024-03-04T10:11:12.345Z INFO [req-7f3a] login {email:plain} from {ip:doc1}:52814 took 0.123s",
        "10.0.0.0/8 and 192.168.1.1 are ranges we route; {ip:v6}/64 too".replace("10.0.0.0", "{ip:ten}").replace(
            "192.168.1.1", "{ip:home}"),
        "Python 3.12.1, numpy 1.26.4, driver 535.129.03 and firmware 2.4.0.1 are installed.",
        "Chapter 10.1.2.3 of the standard describes it.",
        "Card {card:dots} was read out as dots.",
        "card={card:visa}&cvc=123&amount=1999",
        "Spoken: {card:singles} thanks",
        "PAN,{card:visa},approved,{notcard:order},{notphone:date}",
        "Fibonacci: 1 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1597 2584 4181",
        "Matrix rows: 4000 1234 5678 9010, 5500 1200 3400 5601, 3700 0000 0000 00",
        "Digits of pi: 3.14159265358979323846264338327950288419716939937510",
        "Please pay to {iban:dashed} by Monday.",
        "Iban {iban:nl}.Next sentence begins at once.",
        "GB82 is a postcode area? And DE12 3456 is a part number.",
        "SSN {ssn:bare} on the form.",
        "Employee {ssn:bare} has left.",
        "Ticket 123-45-678 and 12-345-6789 are closed.",
        "Whatsapp {phone:compact}",
        "call me: {phone:usbare}",
        "My number's {phone:usspaces}, ext. 12",
        "{phone:usplusdash} or 1-800-FLOWERS",
        "Area 51, room 101, highway 66, 24/7, 9-1-1, 867 people",
        "Score 21-14 21-19 after 01:23:45, sets 6-4 6-4 7-6",
        "Part no. 0812 345 67 in stock, size 090 100 120",
        "ISBN 0-306-40615-2, ISSN 2049-3630, DOI 10.1000/182",
        "Lottery: 04 08 15 16 23 42",
        "zip 02139-4307, case 020-2024-00123",
        '{{"role": "user", "content": "my key is {key:openai}\\nand mail {email:plain}"}}',
        "Authorization: Basic {token:basic}",
        "password: {token:passphrase}",
        "client_secret={token:gsecret}",
        "X-Api-Key: {token:hex32}",
        "the hex is {token:hex32}, keep it",
        "export HF_TOKEN={key:huggingface} # do not share",
        "The key starts with sk- and is 51 characters long; ghp_ tokens are 40.",
        "Set Bearer authentication-with-rotating-credentials in the header.",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexamplepublickeyonly0000000000 ada@laptop",
        "{key:slackapp} and https://hooks.slack.com/services/{token:slackhook}",
        "https://store.blob.example.net/a?sv=2022-11-02&sig={token:sig}",
        "jwt={key:jwt}.",
        'tokens = tokenizer.encode("sk-ip the header")',
        "secretKey: {token:awssecret}",
    )),
    ("de", (
        "Ruf mich unter {phone:denational2} an, oder per Mail an {email:obfuscated2}.",
        "Am {notphone:german} um 10:30 Uhr in Raum 0.12, Aktenzeichen 12 O 345/20.",
        "PLZ 10115 Berlin, HRB 123456 B, USt-IdNr. DE123456789, Steuernr. 12/345/67890",
    )),
    ("fr", ("Le SIRET 732 829 320 00074, le {notphone:german}, tél. {phone:frdots}.",)),
    ("es", ("DNI 12345678Z, NIE X1234567L, teléfono {phone:esnational}.",)),
    ("pt", ("CPF 123.456.789-09, CNPJ 11.222.333/0001-81, CEP 01310-100.",)),
    ("it", ("Codice fiscale RSSMRA85T10A562S, tel. {phone:itnational}.",)),
    ("pl", ("PESEL 44051401359, tel. {phone:plnational}.",)),
    ("ja", ("郵便番号100-0001、電話{phone:jp}、メール{email:plain}。",)),
    ("zh", ("身份证号11010519491231002X，手机{phone:cnnational}。",)),
    ("ko", ("전화 {phone:krnational}, 사업자번호 123-45-67890",)),
    ("ru", ("ИНН 7707083893, тел. {phone:runational}",)),
)  # fmt: skip
"""The same, with forms that are rare, ambiguous or disguised."""


def list_kinds() -> Iterator[str]:
    """The kinds that are marked."""
    return (kind for kind in FORMS if not kind.startswith("not"))
