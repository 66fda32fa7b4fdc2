"""The seam in the OpenAI SDK: the only room that imports openai and wrapt."""

from __future__ import annotations
