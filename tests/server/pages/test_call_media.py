"""Pictures and sound that came within a record: shown when asked for, as what they are and nothing else."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.server.pages.page_client import Site, chat_response, completion

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAVE = b"RIFF\x24\0\0\0WAVEfmt "


def data(content: bytes, kind: str = "image/png") -> str:
    """The content as a ``data:`` address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def picture(address: str) -> dict[str, Any]:
    """A part of a message with a picture."""
    return {"type": "image_url", "image_url": {"url": address}}


def keep(site: Site, *parts: dict[str, Any], **fields: Any) -> str:
    """The path of a call that was asked with these parts."""
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}, {"role": "user", "content": [*parts]}],
    }
    return f"/completions/{site.keep(completion(request=request, **fields))}"


def test_a_picture_has_an_address_of_its_own_behind_a_click(site: Site) -> None:
    """The page holds none of the picture; its address gives its bytes, and nothing may run there."""
    path = keep(site, {"type": "text", "text": "y"}, picture(data(PIXEL)))

    page = site.page(path)
    answer = site.browser.get(f"{path}/media/asked-2-2")

    assert f'<summary>image, image/png, 72 B</summary><img src="{path}/media/asked-2-2"' in page
    assert "data:image" not in page.partition('id="raw"')[0]
    assert (answer.content, answer.headers["content-type"]) == (PIXEL, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'; sandbox" in answer.headers.get_list("content-security-policy")


def test_sound_can_be_played(site: Site) -> None:
    """What was sent and what was answered are played from the record; its format is what the bytes are."""
    sent = {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAVE).decode(), "format": "wav"}}
    spoken = {"data": base64.b64encode(b"ID3" + bytes(9)).decode(), "transcript": "Hello there."}
    path = keep(site, sent, response=chat_response(None, audio=spoken))

    page = site.page(path)

    for place, kind in (("asked-2-1", "audio/wav"), ("answered-1-2", "audio/mpeg")):
        assert f'<audio controls preload="none" src="{path}/media/{place}">' in page
        assert site.browser.get(f"{path}/media/{place}").headers["content-type"] == kind


@pytest.mark.parametrize(
    "address",
    [
        data(b"<svg/>", "image/svg+xml"),
        "data:text/html,<script>x</script>",
        'data:image/png;base64,A" onerror="x',
        "javascript:x()",
    ],
)
def test_what_is_no_picture_is_a_placeholder(site: Site, address: str) -> None:
    """Nothing but base64 of known forms gets an address."""
    path = keep(site, picture(address))

    page = site.page(path)

    assert 'class="media"' not in page
    assert 'class="placeholder"' in page
    assert site.browser.get(f"{path}/media/asked-2-1").status_code == 404


@pytest.mark.parametrize(
    "address",
    [data(b"<svg onload='x()'/>"), data(b"<script>x</script>"), data(WAVE), "data:image/png;base64,A"],
)
def test_what_only_claims_to_be_a_picture_is_not_served(site: Site, address: str) -> None:
    """A document, a sound or broken base64 under the name of a picture is 404."""
    assert site.browser.get(f"{keep(site, picture(address))}/media/asked-2-1").status_code == 404


@pytest.mark.parametrize(
    "place", ["asked-2-2", "asked-9-1", "asked-0-1", "answered-1-1", "asked-1-1", "x", "asked-2-1-"]
)
def test_a_place_without_a_picture_is_not_found(site: Site, place: str) -> None:
    """Texts, other places and what is no place are 404."""
    assert site.browser.get(f"{keep(site, picture(data(PIXEL)))}/media/{place}").status_code == 404


def test_a_huge_picture_costs_the_page_nothing(site: Site) -> None:
    """Twenty megabytes within a record are a line with their size."""
    page = site.page(keep(site, picture("data:image/png;base64," + "A" * 27_000_000)))

    assert len(page) < 100_000
    assert "image/png, 20.2 MB</summary>" in page
