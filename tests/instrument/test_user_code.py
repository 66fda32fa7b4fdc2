"""Which code is the user's own: by where it stands, and by what ``app`` says."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from log10_trace.instrument.user_code import UserCode

SITE = "/srv/venv/lib/python3.12/site-packages"
STDLIB = sysconfig.get_path("stdlib")


@pytest.mark.parametrize(
    ("file", "module", "app", "expected"),
    [
        ("/srv/shop/main.py", "shop.main", (), True),
        ("<ipython-input-1>", "__main__", (), True),
        ("<string>", "__main__", (), True),
        (f"{SITE}/langchain/chains.py", "langchain.chains", (), False),
        ("/usr/lib/python3/dist-packages/six.py", "six", (), False),
        (f"{STDLIB}/asyncio/events.py", "asyncio.events", (), False),
        (sysconfig.get_path("scripts") + "/uvicorn", "__main__", (), False),
        ("<frozen runpy>", "runpy", (), False),
        (f"{SITE}/shop/main.py", "shop.main", (), False),
        (f"{SITE}/shop/main.py", "shop.main", ("shop",), True),
        (f"{SITE}/shop/main.py", "shop.main", ("shop.main",), True),
        (f"{SITE}/shop/main.py", "shop.main", ("shop.mai", "sho", "main"), False),
        (f"{SITE}/shopping.py", "shopping", ("shop",), False),
        (f"{SITE}/shop/main.py", "elsewhere", (f"{SITE}/shop",), True),
        (f"{SITE}/shop/main.py", "elsewhere", (f"{SITE}/shop/main.py",), True),
        (f"{SITE}/shopping/main.py", "elsewhere", (f"{SITE}/shop",), False),
        (f"{SITE}/shop/vendor/x.py", "shop.vendor.x", ("shop", "!shop.vendor"), False),
        (f"{SITE}/shop/vendor.py", "shop.vendored", ("shop", "!shop.vendor"), True),
        ("/srv/shop/vendor/x.py", "x", ("!/srv/shop/vendor",), False),
    ],
)
def test_the_place_of_the_code_and_app_decide(
    file: str, module: str, app: tuple[str, ...], expected: bool
) -> None:
    """Installed is a library's, everything else the user's; ``app`` includes and, behind ``!``, excludes."""
    assert UserCode(app).owns(file.replace("/", os.sep), module) is expected


def frame(file: str, **names: Any) -> Any:
    return SimpleNamespace(f_code=SimpleNamespace(co_filename=file), f_globals=names)


def test_code_that_a_library_makes_at_run_time_is_the_librarys() -> None:
    """Its file has no name; the module that it runs in has one."""
    owns = UserCode().owns_frame

    assert not owns(frame("<string>", __name__="attr._make", __file__=f"{SITE}/attr/_make.py"))
    assert owns(frame("<string>", __name__="shop", __file__="/srv/shop.py"))
    assert owns(frame("<string>"))
    assert not owns(frame("<frozen runpy>", __file__="/srv/shop.py"))


def test_a_package_that_runs_as_main_has_its_own_name() -> None:
    """``python -m shop``: the module is called ``__main__``, and its specification knows better."""
    file = f"{SITE}/shop/__main__.py"
    specification = SimpleNamespace(name="shop.__main__")

    assert UserCode(["shop"]).owns_frame(frame(file, __name__="__main__", __spec__=specification))
    assert not UserCode(["shop"]).owns_frame(frame(file, __name__="__main__", __spec__=None))
    assert not UserCode(["shop"]).owns_frame(frame(file, __name__=3))


def test_modules_of_the_standard_library_are_known_where_they_are() -> None:
    """As the running interpreter has them."""
    assert isinstance(sys.modules["asyncio"], ModuleType)
    assert not UserCode().owns(str(sys.modules["asyncio"].__file__), "asyncio")
    assert UserCode().owns(__file__, __name__)
