"""The To grade pages over HTTP, without JavaScript: plain forms, and pages that lead on."""

from __future__ import annotations

import csv
import html
import io
import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from log10_trace.domain.keys import Scope
from tests.processes import DEADLINE_S
from tests.server.conftest import JSON, Tenant
from tests.server.pages import chromium
from tests.server.pages.page_client import completion
from tests.server.pages.test_hostile import HOSTILE, Tags
from tests.server.pages.test_schema_form import Browser

SCHEMA = {
    "type": "object",
    "properties": {
        "rating": {"enum": ["good", "bad"]},
        "score": {"type": "integer", "minimum": 0},
        "code": {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
        "labels": {"type": "array", "items": {"enum": ["long", "odd"]}},
    },
    "required": ["rating"],
}


class Page:
    """A page with its forms, which can be submitted as they are or with other values."""

    def __init__(self, client: httpx.Client, answer: httpx.Response) -> None:
        self.client = client
        self.answer = answer
        self.text = answer.text
        self.path = answer.url.raw_path.decode()

    def fields(self, action: str) -> list[tuple[str, str]]:
        """What the form whose action ends so submits as it is."""
        start = self.text.index(f'{action}"')
        return Browser(self.text[start : self.text.index("</form>", start)]).submitted

    def submit(self, action: str, **values: str) -> Page:
        """Submit the form whose action ends so."""
        start = self.text.index(f'{action}"')
        path = html.unescape(self.text[self.text.rindex('"', 0, start) + 1 : start]) + action
        kept = [(name, text) for name, text in self.fields(action) if name not in values]
        return post(self.client, path, *kept, *values.items())


def post(client: httpx.Client, path: str, *fields: tuple[str, str]) -> Page:
    """Submit a form; also one without fields says that it is a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Page(client, client.post(path, content=urlencode(fields), headers=headers))


def enter(tenant: Tenant, *scopes: Scope) -> httpx.Client:
    """A browser of somebody whose key has these scopes."""
    client = tenant.client(*scopes, Accept="text/html")
    client.follow_redirects = True
    return client


@pytest.fixture
def grader(tenant: Tenant) -> httpx.Client:
    """A browser of somebody who may read and grade."""
    return enter(tenant, Scope.READ, Scope.FEEDBACK)


@pytest.fixture
def calls(client: httpx.Client) -> list[str]:
    """Five calls with the tag of the task, the newest first."""
    ids = []
    for number in range(5):
        record = completion(tags=["support"], created_at=f"2026-01-01T00:00:0{number}Z")
        client.post("/api/v1/completions", json=record).raise_for_status()
        ids.append(str(record["id"]))
    return ids[::-1]


def make_task(client: httpx.Client, schema: Any = SCHEMA, **fields: Any) -> str:
    """The path of a new task."""
    task = {"name": "Tone", "json_schema": schema, "completion_tags_selector": ["support"], **fields}
    answer = client.post("/api/v1/feedback_task", content=json.dumps(task), headers=JSON)
    assert answer.status_code == 200, answer.text
    return f"/grade/{answer.json()['id']}"


def give(client: httpx.Client, path: str, call: str, values: dict[str, Any], comment: str) -> None:
    """Store feedback by the API."""
    body = {"task_id": path.rpartition("/")[2], "json_values": values, "comment": comment}
    content = json.dumps({**body, "completion_ids": [call]})
    client.post("/api/v1/feedback", content=content, headers=JSON).raise_for_status()


def get(client: httpx.Client, path: str, status: int = 200) -> Page:
    """The page under a path."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return Page(client, answer)


def graded_id(page: Page) -> str:
    """The id of the completion on the page."""
    return page.path.partition("/calls/")[2].partition("?")[0]


def feedback(client: httpx.Client) -> list[dict[str, Any]]:
    """All feedback, as the API tells it, newest first."""
    listed: list[dict[str, Any]] = client.get("/api/v1/feedback").json()["feedback"]
    return listed


def test_a_task_is_made_on_the_page(client: httpx.Client, grader: httpx.Client) -> None:
    """A form with what is wrong and what was typed, then with a preview, then a task as the API makes it."""
    page = get(grader, "/grade/new")
    broken = page.submit("/grade/new", name="", tags="", schema='{"type": "strin"}')
    assert broken.answer.status_code == 422
    assert "A name is required." in broken.text
    assert "At /type: &#39;strin&#39; is not valid" in broken.text
    assert "This is not JSON: Expecting" in page.submit("/grade/new", schema="{").text

    typed = {"name": "Tone", "tags": "support, red,support", "schema": json.dumps(SCHEMA)}
    preview = page.submit("/grade/new", preview="1", **typed)
    assert (preview.answer.status_code, client.get("/api/v1/feedback_task").json()) == (200, [])
    assert 'type="radio" name="field-0"' in preview.text

    made = preview.submit("/grade/new", instruction="Is it polite?")

    (task,) = client.get("/api/v1/feedback_task").json()
    assert made.path == f"/grade/{task['id']}"
    assert (task["name"], task["instruction"], task["json_schema"]) == ("Tone", "Is it polite?", SCHEMA)
    assert task["completion_tags_selector"] == ["support", "red"]


def test_one_call_after_the_other_is_graded_skipped_and_taken_back(
    client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """Newest first; each saved form stores what the API stores, and the last can be undone and mended."""
    path = make_task(client)
    first = get(grader, path).submit(f"{path}/next")
    assert graded_id(first) == calls[0]
    second = first.submit(f"calls/{calls[0]}", **{"field-0": "0", "field-3": "1", "comment": "fine"})
    assert graded_id(second) == calls[1]
    third = second.submit(f"{path}/next")
    assert graded_id(third) == calls[2]

    (kept,) = feedback(client)
    assert kept["json_values"] == {"rating": "good", "labels": ["odd"]}
    assert (kept["comment"], kept["matched_completion_ids"]) == ("fine", [calls[0]])

    again = third.submit(f"{path}/undo")
    assert graded_id(again) == calls[0]
    assert feedback(client) == []
    assert {"field-0": "0", "field-3": "1", "comment": "fine"}.items() <= dict(
        again.fields(f"calls/{calls[0]}")
    ).items()
    follows = again.submit(f"calls/{calls[0]}", **{"field-0": "1"})

    assert graded_id(follows) == calls[1]
    assert feedback(client)[0]["json_values"] == {"rating": "bad", "labels": ["odd"]}
    for _ in range(3):
        follows = follows.submit(f"{path}/next")
    end = follows.submit(f"{path}/next")
    assert "Calls that you skipped" in end.text
    assert graded_id(end.submit(f"{path}/next")) == calls[1]


def test_two_people_and_two_tabs_are_handed_different_calls(
    tenant: Tenant, client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """Nobody is handed what another tab has; the last can be taken over, and both answers are kept."""
    path = make_task(client)
    other = enter(tenant, Scope.READ, Scope.FEEDBACK)

    tabs = [get(person, path).submit(f"{path}/next") for person in (grader, other, grader, other, grader)]
    assert [graded_id(tab) for tab in tabs] == calls
    end = get(other, path)
    assert "5 calls are being graded" in end.text
    assert "Grade the next" not in end.text

    taken = post(other, f"{path}/next", ("take_over", "1"))
    assert graded_id(taken) == calls[0]
    assert "Another tab, or somebody else" in get(grader, tabs[0].path).text
    tabs[0].submit(f"calls/{calls[0]}", **{"field-0": "0"})
    assert "Graded already" in get(other, taken.path).text
    taken.submit(f"calls/{calls[0]}", **{"field-0": "1"})

    assert [each["json_values"]["rating"] for each in feedback(client)] == ["bad", "good"]


def test_a_form_that_is_submitted_twice_is_stored_once(
    client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """A double click leads to the same next call; a form's id cannot replace other feedback."""
    path = make_task(client)
    first = get(grader, path).submit(f"{path}/next")

    twice = [first.submit(f"calls/{calls[0]}", **{"field-0": "0"}) for _ in range(2)]

    assert [graded_id(page) for page in twice] == [calls[1], calls[1]]
    (kept,) = feedback(client)
    forged = twice[0].submit(f"calls/{calls[1]}", **{"field-0": "1", "feedback_id": kept["id"]})
    assert forged.answer.status_code == 409
    assert feedback(client) == [kept]


def test_what_cannot_be_stored_comes_back_with_what_was_typed(
    client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """Missing answers, values outside the schema and a schema that changed are said where they are."""
    path = make_task(client)
    page = get(grader, path).submit(f"{path}/next")
    action = f"calls/{calls[0]}"

    missing = page.submit(action, **{"field-1": "x", "field-2": "abc", "comment": "my words"})
    assert missing.answer.status_code == 422
    assert "An answer is required." in missing.text
    assert "This is not a whole number." in missing.text
    assert {"field-2": "abc", "comment": "my words"}.items() <= dict(missing.fields(action)).items()

    low = page.submit(action, **{"field-0": "0", "field-1": "-1"})
    assert "-1 is less than the minimum of 0" in low.text
    unfit = page.submit(action, **{"field-0": "0", "field-2": "A1"})
    assert "&#39;A1&#39; does not match &#39;^[a-z]+$&#39;" in unfit.text
    assert ("field-2", "A1") in unfit.fields(action)

    make_task(client, {**SCHEMA, "required": []}, id=path.rpartition("/")[2])
    changed = page.submit(action, **{"field-0": "0", "comment": "my words"})
    assert changed.answer.status_code == 422
    assert "The task was changed meanwhile." in changed.text
    assert ("comment", "my words") in changed.fields(action)
    assert feedback(client) == []


def test_a_call_that_is_deleted_meanwhile_is_said_and_left(
    client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """Saving stores nothing, the page says that the call was deleted, and leads on to the next."""
    path = make_task(client)
    page = get(grader, path).submit(f"{path}/next")
    client.delete(f"/api/v1/completions/{calls[0]}")

    gone = page.submit(f"calls/{calls[0]}", **{"field-0": "0"})

    assert gone.answer.status_code == 404
    assert "This call was deleted" in gone.text
    assert feedback(client) == []
    assert graded_id(gone.submit(f"{path}/next")) == calls[1]


def test_what_was_entered_survives_an_expired_login(
    tenant: Tenant, client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """A form sent without a session is kept through the sign-in, a failed one too, and then saved."""
    path = make_task(client)
    page = get(grader, path).submit(f"{path}/next")
    token, _ = tenant.server.key(tenant.organization_id, Scope.FEEDBACK)
    action, comment = f"calls/{calls[0]}", "my <words>\nand more"

    with httpx.Client(
        base_url=tenant.server.url, headers=grader.headers, follow_redirects=True, timeout=DEADLINE_S
    ) as browser:
        del browser.headers["X-Log10-Token"]
        page.client = browser
        expired = page.submit(action, **{"field-0": "1", "comment": comment})
        assert expired.answer.status_code == 401
        assert "Your login has expired." in expired.text
        wrong = expired.submit("/login", token="l10_x_y")
        assert wrong.answer.status_code == 403
        back = wrong.submit("/login", token=token)
        assert "What you entered is still here" in back.text
        assert feedback(client) == []
        follows = back.submit(action)

    assert graded_id(follows) == calls[1]
    (kept,) = feedback(client)
    assert (kept["json_values"], kept["comment"]) == ({"rating": "bad"}, comment)
    assert (
        httpx.post(
            f"{tenant.server.url}{path}/next", headers={"Accept": "text/html"}, timeout=DEADLINE_S
        ).status_code
        == 401
    )


def test_keys_see_what_they_may_do(tenant: Tenant, client: httpx.Client, calls: list[str]) -> None:
    """A key that only reads sees why it cannot grade; one that only grades sees its task's calls alone."""
    path = make_task(client)
    reader, judge = enter(tenant, Scope.READ), enter(tenant, Scope.FEEDBACK)
    for page in ("/grade", "/grade/new", path, f"{path}/calls/{calls[0]}"):
        shown = get(reader, page).text
        assert "may read and not grade" in shown
        assert '<form method="post" action="/grade' not in shown
    assert post(reader, f"{path}/next").answer.status_code == 403

    other = completion(tags=["elsewhere"])
    client.post("/api/v1/completions", json=other).raise_for_status()
    assert graded_id(get(judge, path).submit(f"{path}/next")) == calls[0]
    get(judge, f"{path}/calls/{other['id']}", 404)
    get(reader, f"{path}/calls/{other['id']}")
    assert judge.get(f"{path}/graded.jsonl").status_code == 403

    with httpx.Client(
        base_url=tenant.server.url, headers={"Accept": "text/html"}, timeout=DEADLINE_S
    ) as browser:
        token, _ = tenant.server.key(tenant.organization_id, Scope.FEEDBACK)
        entered = browser.post("/login", data={"token": token, "next": "/"})
        assert entered.headers["location"] == "/grade"
        assert browser.get("/grade").status_code == 200


def test_results_are_counted_filtered_and_exported(
    client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """Each value with how often it was given, each feedback as a row; as CSV, and the calls as examples."""
    path = make_task(client)
    values = [
        {"rating": "good", "labels": ["odd"]},
        {"rating": "bad", "score": 3},
        {"rating": "good", "x": 1},
    ]
    comments = ["=1+1", "fine", ""]
    for call, value, comment in zip(calls, values, comments, strict=False):
        give(client, path, call, value, comment)

    page = get(grader, path)
    assert "<b>3</b> graded" in page.text
    good = get(grader, f"{path}?where=rating%3D%22good%22")
    assert "Of 2 pieces of feedback that match" in good.text
    assert 'value="2" aria-label="good"' in good.text
    refused = get(grader, f"{path}?where=nonsense", 422)
    assert "no condition" in refused.text

    rows = list(csv.DictReader(io.StringIO(grader.get(f"{path}/results.csv?where=score<9").text)))
    assert [row["completion_id"] for row in rows] == [calls[1]]
    rows = list(csv.DictReader(io.StringIO(grader.get(f"{path}/results.csv").text)))
    assert [row["rating"] for row in rows] == ["good", "bad", "good"]
    assert (rows[2]["comment"], rows[2]["labels"], rows[0]["other_values"]) == ("'=1+1", "odd", '{"x": 1}')
    assert all(row["graded_by"].startswith("key ") for row in rows)

    exported = grader.get(f"{path}/graded.jsonl", params={"where": "rating=good", "format": "chat"}).text
    assert [json.loads(line)["id"] for line in exported.splitlines()] == [calls[2], calls[0]]
    examples = grader.get(f"{path}/graded.jsonl", params={"where": "rating = good"}).text.splitlines()
    assert [list(json.loads(line)) for line in examples] == [["messages"]]
    assert grader.get(f"{path}/graded.jsonl?format=csv").status_code == 422


def test_nothing_of_a_task_or_of_feedback_is_markup(
    client: httpx.Client, grader: httpx.Client, calls: list[str]
) -> None:
    """Hostile text in a task, its schema, its values and comments is text on every page."""

    def pages_with(text: str) -> list[Tags]:
        schema = {"properties": {text: {"title": text, "enum": [text, "b"]}, "other": {"type": "string"}}}
        plain = text.encode("utf-8", "replace").decode().replace("\0", "")
        path = make_task(client, schema, name=plain, instruction=plain)
        values = {text: text, "other": text, f"{text}x": text}
        give(client, path, calls[0], values, plain)
        new = post(grader, "/grade/new", ("name", plain), ("schema", json.dumps(schema)))
        paths = (path, f"{path}?where={text!r}=1", f"{path}/calls/{calls[0]}", "/grade")
        return [Tags(new.text), *(Tags(grader.get(each).text) for each in paths)]

    for calm, hostile in zip(pages_with("calm"), pages_with(" ".join(HOSTILE.values())), strict=True):
        assert hostile.elements <= calm.elements | {"ul", "li"}
        assert not [name for name, _ in hostile.attributes if name.startswith("on") or name == "style"]
        assert not [link for link in hostile.links if not link.startswith(("/", "#"))]


@pytest.mark.parametrize("digits", [400, 5000])
def test_numbers_that_no_float_holds_cost_no_page(
    client: httpx.Client, grader: httpx.Client, calls: list[str], digits: int
) -> None:
    """Bounds and values of any number of digits: the list of tasks, the form and the results are shown."""
    huge = "9" * digits
    bounds = f'"minimum": -{huge}, "maximum": {huge}, "default": {huge}'
    kinds = (("a", "integer"), ("b", "number"))
    fields = (f'"{name}": {{{bounds}, "type": "{kind}"}}' for name, kind in kinds)
    schema = f'{{"properties": {{{", ".join(fields)}, "c": {{"enum": [{huge}]}}}}}}'
    task = f'{{"name": "Huge", "json_schema": {schema}, "completion_tags_selector": ["support"]}}'
    made = client.post("/api/v1/feedback_task", content=task, headers=JSON)
    if made.status_code == 422:
        assert digits > 4300
        return
    task_id = made.json()["id"]
    for call, sign in zip(calls, ("", "-"), strict=False):
        given = f'{{"task_id": "{task_id}", "json_values": {{"a": {sign}{huge}, "b": {sign}{huge}}}, '
        body = f'{given}"comment": "", "completion_ids": ["{call}"]}}'
        client.post("/api/v1/feedback", content=body, headers=JSON).raise_for_status()

    get(grader, "/grade")
    assert "<b>2</b> graded" in get(grader, f"/grade/{task_id}").text
    get(grader, f"/grade/{task_id}/calls/{calls[0]}")
    assert grader.get(f"/grade/{task_id}/results.csv").status_code == 200


def test_a_task_has_any_id_and_selects_nothing(client: httpx.Client, grader: httpx.Client) -> None:
    """Ids that paths cannot carry, a task without tags, and tags without calls have pages that say so."""
    for name in ("new", "a/b", "~x", ".."):
        make_task(client, id=name, name=f"Task {name}", completion_tags_selector=[])
    page = get(grader, "/grade")
    links = [value or "" for key, value in Tags(page.text).attributes if key == "href"]
    paths = [
        link for link in links if link.startswith("/grade/") and link != "/grade/new" and "#" not in link
    ]

    shown = [get(grader, path).text for path in paths]

    assert len(shown) == 4
    assert all("Selects no calls: it has no tags" in text for text in shown)
    end = post(grader, f"{paths[0]}/next")
    assert "Nothing is left to grade." in end.text
    assert "No call has one of the task" in get(grader, make_task(client)).text


@pytest.mark.browser
@pytest.mark.skipif(chromium.executable() is None, reason=f"Chromium is missing: {chromium.INSTALL}")
def test_a_keyboard_grades_several_calls_in_a_row(
    tenant: Tenant, client: httpx.Client, grader: httpx.Client, calls: list[str], window: chromium.Tab
) -> None:
    """Digits choose, Enter saves and goes on, s skips, u takes back, Ctrl and Enter save out of a text."""
    path = make_task(client)
    token, _ = tenant.server.key(tenant.organization_id, Scope.READ, Scope.FEEDBACK)
    window.renew()
    window.open(f"{tenant.server.url}/login?next={path}")
    window.ask(f"document.querySelector('[name=token]').value = {json.dumps(token)}")
    window.ask("document.querySelector('form button').click()")
    window.wait_for_load()

    def press(*keys: str) -> str:
        """Press keys, the last of which leads on; the id of the call that is shown then."""
        for key in keys:
            window.press(key)
        window.wait_for_load()
        return str(window.ask("location.pathname.split('/').pop()"))

    assert press("Enter") == calls[0]
    assert graded_id(get(grader, path).submit(f"{path}/next")) == calls[1]
    assert press("2", "Enter") == calls[2]
    assert press("1", "2", "Enter") == calls[3]
    assert press("s") == calls[4]
    assert press("u") == calls[2]
    assert window.ask("document.querySelector('[name=field-0]:checked').value") == "0"
    window.press("?")
    keys = window.ask("document.querySelector('dialog[open]').innerText")
    assert all(label in keys for label in ("choose good, long", "save and go on", "skip", "undo the last"))
    window.press("?")
    window.ask("document.querySelector('#comment').focus()")
    window.ask("document.querySelector('#comment').value = 'typed s and u'")
    window.press("s")
    window.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", modifiers=2)
    window.wait_for_load()

    assert [(each["json_values"], each["comment"]) for each in feedback(client)] == [
        ({"rating": "good", "labels": ["odd"]}, "typed s and us"),
        ({"rating": "bad"}, ""),
    ]
    assert window.complaints == []
