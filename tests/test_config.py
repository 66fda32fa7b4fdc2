"""Settings: argument before environment before default, and a bad value names its key."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from log10_trace.config import OPTIONS, log10_home, resolve, set_variables
from log10_trace.domain.sdk_names import SDK_NAMES
from log10_trace.errors import ConfigError
from log10_trace.runtime import patch


def test_argument_goes_before_environment_before_default() -> None:
    """The nearest setting wins."""
    environ = {"LOG10_URL": "http://127.0.0.1:1", "LOG10_FLUSH_INTERVAL": "3"}

    config = resolve({"url": "https://logs.example/base/"}, environ)

    assert config.url == "https://logs.example/base"
    assert config.flush_interval == 3.0
    assert config.timeout == 10.0


def test_nothing_given_means_nothing_remote() -> None:
    """Without configuration there is no address: the data goes nowhere the user did not name."""
    assert resolve({}, {}).url is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", "localhost:4680"),
        ("url", "ftp://logs.example"),
        ("url", "http://logs.example:port"),
        ("url", 4680),
        ("tags", ["a", 7]),
        ("tags", 7),
        ("metadata", {"a": ["not flat"]}),
        ("metadata", "no equals sign"),
        ("redact", "not a function"),
        ("sample_rate", 1.5),
        ("sample_rate", "most"),
        ("sample_rate", True),
        ("app", 3),
        ("app", ["shop", 3]),
        ("app", "shop,/no/such/folder"),
        ("app", "my-package"),
        ("app", "!"),
        ("threads", "perhaps"),
        ("disabled", "perhaps"),
        ("spool_dir", 3),
        ("spool_max_bytes", 12),
        ("spool_max_bytes", 2_000_000.5),
        ("flush_interval", 0),
        ("timeout", None.__class__),
        ("no_such_setting", 1),
    ],
)
def test_a_bad_argument_names_its_key_and_value(key: str, value: Any) -> None:
    """Whatever is wrong, the error says which setting and what it was given."""
    with pytest.raises(ConfigError) as caught:
        resolve({key: value}, {})

    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}={value!r} cannot be used: ")


def test_a_bad_variable_names_the_variable() -> None:
    """A setting from the environment is named as the user wrote it."""
    with pytest.raises(ConfigError, match=r"LOG10_TIMEOUT='soon' cannot be used: a number of seconds"):
        resolve({}, {"LOG10_TIMEOUT": "soon"})


def test_a_bad_token_is_not_repeated() -> None:
    """An error about the token never shows the token."""
    with pytest.raises(ConfigError) as caught:
        resolve({"token": 123456}, {})

    assert "123456" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://me:secret@logs.example", "ftp://secret@logs.example", "http://logs.example/?key=secret"]
)
def test_a_key_in_an_address_is_not_repeated(url: str) -> None:
    """An error about the address shows it without user, password and query, in its value too."""
    with pytest.raises(ConfigError) as caught:
        resolve({"url": url}, {})

    assert "logs.example" in str(caught.value)
    assert "secret" not in f"{caught.value} {caught.value.value}"


@pytest.mark.parametrize("name", ["token", "organization_id"])
def test_what_travels_in_a_header_is_fit_for_one(name: str) -> None:
    """White space around a key is dropped, a file's last line break above all; other oddities are told."""
    assert getattr(resolve({name: " secret\n"}, {}), name) == "secret"
    for value in ("two\nlines", "schlüssel", "nul\0"):
        with pytest.raises(ConfigError, match="HTTP header"):
            resolve({name: value}, {})


@pytest.mark.parametrize("name", ["url", "token", "organization_id", "ca_file", "spool_dir"])
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_argument_is_refused_and_an_empty_variable_is_none(name: str, value: str) -> None:
    """Text that was given and is empty is a mistake; a variable that is set to nothing is not set."""
    with pytest.raises(ConfigError) as caught:
        resolve({name: value}, {})
    assert caught.value.key == name

    (env,) = [option.env for option in OPTIONS if option.name == name]
    assert env is not None
    assert getattr(resolve({}, {env: ""}), name) == getattr(resolve({}, {}), name)


PROC = ["/proc/x", "/proc/x/y", "/proc/self", "/dev/null", "/dev/null/x", "/tmp", "~nobody-at-all/x", "nul\0"]


@pytest.mark.parametrize("value", PROC)
def test_a_spool_folder_that_cannot_be_is_refused(value: str) -> None:
    """No folder can be made there, no file in it, or it is everybody's: key and value are named."""
    for key, arguments, environ in (
        ("spool_dir", {"spool_dir": value}, {}),
        ("LOG10_SPOOL_DIR", {}, {"LOG10_SPOOL_DIR": value}),
    ):
        with pytest.raises(ConfigError) as caught:
            resolve(arguments, environ)
        assert str(caught.value).startswith(f"{key}={value!r} cannot be used: ")


def test_a_spool_folder_is_looked_at_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder nor what was tried in it is there afterwards; a relative one does not move."""
    monkeypatch.chdir(tmp_path)
    found = resolve({"spool_dir": "deep/spool"}, {}).spool_dir

    assert found == tmp_path / "deep" / "spool"
    assert not list(tmp_path.iterdir())


def test_a_spool_folder_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """A link to nothing, and a file."""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    for name, reason in (("link", "link to nothing"), ("file", "not a folder"), ("file/x", "not a folder")):
        with pytest.raises(ConfigError, match=reason):
            resolve({"spool_dir": tmp_path / name}, {})


def test_a_full_disk_is_no_mistake_of_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have room when the first record comes."""

    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)

    assert resolve({"spool_dir": tmp_path / "spool"}, {}).spool_dir == tmp_path / "spool"


def test_a_home_that_is_no_path_is_refused() -> None:
    """The variable is named."""
    with pytest.raises(ConfigError, match="LOG10_HOME='~nobody-at-all/x' cannot be used"):
        resolve({}, {"LOG10_HOME": "~nobody-at-all/x"})


@pytest.mark.parametrize(
    ("text", "tags"),
    [("a,b", ("a", "b")), (" a , , b,a ", ("a", "b")), ("one", ("one",))],
)
def test_tags_from_the_environment_are_separated_by_commas(text: str, tags: tuple[str, ...]) -> None:
    """LOG10_TAGS is a list with commas; white space and duplicates go."""
    assert resolve({}, {"LOG10_TAGS": text}).tags == tags


@pytest.mark.parametrize(
    ("text", "flag"), [("1", True), ("yes", True), ("0", False), ("False", False), ("", False)]
)
def test_flags_are_words(text: str, flag: bool) -> None:
    """LOG10_DISABLED=0 means no."""
    assert resolve({}, {"LOG10_DISABLED": text}).disabled is flag


def test_app_is_a_list_of_modules_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names stay as they are, paths are absolute and without links, ``!`` stays in front."""
    (tmp_path / "my-app").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "my-app")
    monkeypatch.chdir(tmp_path)

    config = resolve(
        {}, {"LOG10_APP": "shop, shop.views ,,!shop.vendor,my-app,!./link", "LOG10_THREADS": "no"}
    )

    path = os.path.realpath(tmp_path / "my-app")
    assert config.app == ("shop", "shop.views", "!shop.vendor", path, f"!{path}")
    assert (config.threads, resolve({}, {}).threads) == (False, True)
    assert resolve({"app": ["shop", "shop"]}, {}).app == ("shop",)


def test_sdks_are_chosen_by_name() -> None:
    """All that can be recorded unless some are named; a name that is none is said with those that are."""
    assert resolve({}, {}).sdks == SDK_NAMES
    assert resolve({}, {"LOG10_SDKS": " Groq, openai"}).sdks == ("openai", "groq")
    assert resolve({"sdks": ["groq"]}, {"LOG10_SDKS": "openai"}).sdks == ("groq",)
    for wrong in (["grok"], [{}], "openai,grok", "", (), 3):
        with pytest.raises(ConfigError, match="sdks"):
            resolve({"sdks": wrong}, {})
    with pytest.raises(ConfigError, match=r"'grok' is no SDK .* known are openai, "):
        resolve({}, {"LOG10_SDKS": "grok"})


def test_metadata_is_a_flat_map() -> None:
    """Metadata is pairs in the environment and a map in Python."""
    assert resolve({}, {"LOG10_METADATA": "team=search, stage=a=b"}).metadata == {
        "team": "search",
        "stage": "a=b",
    }
    assert resolve({"metadata": {"n": 1}}, {}).metadata == {"n": 1}


def test_the_home_folder_can_be_named() -> None:
    """LOG10_HOME holds the spool unless LOG10_SPOOL_DIR names another place."""
    assert resolve({}, {"LOG10_HOME": "/data/log10"}).spool_dir == Path("/data/log10/spool")
    assert resolve({}, {"LOG10_HOME": "/a", "LOG10_SPOOL_DIR": "/tmp/b"}).spool_dir == Path("/tmp/b")


def test_a_user_without_home_gets_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python finds no home folder, the folder for temporary files serves."""
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))

    assert str(log10_home({"TMPDIR": "/scratch"})).startswith("/scratch/log10-")


def test_every_option_says_what_it_means() -> None:
    """The table is the documentation: each row has a meaning, each variable the prefix LOG10_."""
    assert all(option.meaning for option in OPTIONS)
    assert all(option.env is None or option.env.startswith("LOG10_") for option in OPTIONS)


def test_the_variables_that_are_set_are_named() -> None:
    """In the order of the table; an empty one counts as not set, and others are not ours."""
    environ = {"LOG10_TAGS": "a", "LOG10_URL": "http://host", "LOG10_TOKEN": "", "HOME": "/home/a"}

    assert set_variables(environ) == ["LOG10_URL", "LOG10_TAGS"]


def test_the_docstring_of_patch_is_the_table_of_options() -> None:
    """``help(log10_trace.patch)`` and an editor say each argument with the meaning of the table."""
    text = " ".join((patch.__doc__ or "").replace("``", "`").split()).lower()

    for option in OPTIONS:
        variable = f" (`{option.env}`)." if option.env else "."
        assert f"{option.name}: {option.meaning}{variable}".lower() in text
