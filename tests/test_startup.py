"""What is imported when: by ``import log10_trace``, by ``patch()``, and until the first record is delivered.

Every module costs the start of a program. Whoever adds one to a list here has seen that it is needed there.
"""

from __future__ import annotations

import json

import openai
import pytest

from tests.completions_api import CompletionsAPI
from tests.model_endpoint import model_endpoint
from tests.processes import program

SOURCE = """
import json, os, sys
for name in [name for name in os.environ if name.startswith("LOG10_") and name != "LOG10_HOME"]:
    del os.environ[name]
import openai
seen, steps = set(sys.modules), []
def step():
    global seen
    steps.append(sorted(set(sys.modules) - seen))
    seen |= set(sys.modules)
def call():
    with openai.OpenAI(base_url=os.environ["MODEL"], api_key="k") as client:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
if "API" in os.environ:
    import log10_trace
    step()
    log10_trace.patch(url=os.environ["API"])
    step()
    call()
    assert log10_trace.flush(60)
else:
    call()
step()
print(json.dumps(steps))
os._exit(0)
"""

BY_PATCH = {
    "log10_trace.config",
    "log10_trace.context",
    "log10_trace.domain",
    "log10_trace.domain.call_labels",
    "log10_trace.domain.endpoint_paths",
    "log10_trace.domain.ids",
    "log10_trace.domain.json_values",
    "log10_trace.domain.labels",
    "log10_trace.domain.metadata",
    "log10_trace.domain.sdk_names",
    "log10_trace.errors",
    "log10_trace.export",
    "log10_trace.export.counters",
    "log10_trace.export.deferred_delivery",
    "log10_trace.export.delivery",
    "log10_trace.export.delivery.server",
    "log10_trace.export.delivery.server_resolver",
    "log10_trace.export.fork_hooks",
    "log10_trace.export.monitor",
    "log10_trace.export.spool",
    "log10_trace.export.spool.destination",
    "log10_trace.guard",
    "log10_trace.instrument",
    "log10_trace.instrument.awaiters",
    "log10_trace.instrument.background",
    "log10_trace.instrument.callsite",
    "log10_trace.instrument.current_span",
    "log10_trace.instrument.error_signs",
    "log10_trace.instrument.import_hooks",
    "log10_trace.instrument.interception",
    "log10_trace.instrument.method_patch",
    "log10_trace.instrument.patch_points",
    "log10_trace.instrument.recording",
    "log10_trace.instrument.sampling",
    "log10_trace.instrument.sdk_patches",
    "log10_trace.instrument.sdks",
    "log10_trace.instrument.stack",
    "log10_trace.instrument.tee",
    "log10_trace.instrument.thread_scope",
    "log10_trace.instrument.user_code",
    "log10_trace.instrument.visible_frames",
    "log10_trace.instrument.wire",
    "log10_trace.instrument.wrappers",
    "log10_trace.local_server",
    "log10_trace.private_file",
    "log10_trace.record",
    "log10_trace.record.body_sizes",
    "log10_trace.record.call",
    "log10_trace.record.content_encoding",
    "log10_trace.redact",
    "log10_trace.runtime",
    "log10_trace.threads",
    "log10_trace.unpatched",
}
"""What wraps the SDK and waits for the first call."""
OTHERS_BY_PATCH = {"gc", "wrapt"}
"""Of other packages: for the tasks that wait for a task, and what wraps methods."""

NEVER = (
    "cli",
    "client",
    "domain.prices",
    "integrations",
    "models",
    "otlp",
    "proxy",
    "redact.",
    "server",
    "testing",
)
"""What has no part in the delivery of a plain call: pydantic's models, prices, detectors, the rest."""
OTHERS_BY_RECORD = {"fcntl", "h11", "html", "wrapt"}
"""Of other packages, beside what the SDK's own call imports."""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[str]], list[str]]:
    """The modules that each step imports; and those that the SDK's own first call does, without us."""
    home = tmp_path_factory.mktemp("startup")
    with CompletionsAPI() as api, model_endpoint() as model:
        recorded = program(home, SOURCE, API=api.url, MODEL=model.url)
        bare = program(home, SOURCE, MODEL=model.url)
    assert (recorded.stderr, bare.stderr) == ("", "")
    return json.loads(recorded.stdout), json.loads(bare.stdout)[0]


Steps = tuple[list[list[str]], list[str]]


def test_the_package_is_one_module(steps: Steps) -> None:
    """``import log10_trace`` imports nothing else."""
    assert steps[0][0] == ["log10_trace"]


def test_patch_imports_what_wraps_the_sdk(steps: Steps) -> None:
    """No HTTP library, no pydantic model, no part of delivery and of the server."""
    ours = {name for name in steps[0][1] if name.startswith("log10_trace")}

    assert ours <= BY_PATCH


@pytest.mark.skipif(
    int(openai.__version__.split(".")[0]) < 2, reason="what the SDK imports has changed since"
)
def test_patch_imports_little_of_others(steps: Steps) -> None:
    """Of the SDK nothing: what it loads with its first use is patched then."""
    others = {name for name in steps[0][1] if not name.startswith(("log10_trace", "wrapt."))}

    assert others <= OTHERS_BY_PATCH


def test_a_record_is_delivered_without_what_it_has_no_use_for(steps: Steps) -> None:
    """A plain call needs no models, prices, detectors, and nothing of the server."""
    ours = [name for name in steps[0][2] if name.startswith("log10_trace.")]

    assert "log10_trace.export.delivery.transport" in ours
    assert not [name for name in ours if name.removeprefix("log10_trace.").startswith(NEVER)]


def test_a_record_is_delivered_with_what_the_sdk_has_imported(steps: Steps) -> None:
    """No second HTTP library, and no certificates where nothing is encrypted."""
    with_us, bare = steps
    more = {
        name.partition(".")[0]
        for name in with_us[2]
        if name not in bare and not name.startswith(("log10_trace", "_", "encodings", "openai"))
    }

    assert more <= OTHERS_BY_RECORD
