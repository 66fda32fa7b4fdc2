"""The SDKs whose calls can be recorded, as the setting ``sdks`` names them."""

from __future__ import annotations

from typing import Final

OPENAI: Final = "openai"
ANTHROPIC: Final = "anthropic"
CEREBRAS: Final = "cerebras"
GROQ: Final = "groq"
LITELLM: Final = "litellm"
TOGETHER: Final = "together"
SDK_NAMES: Final = (OPENAI, ANTHROPIC, CEREBRAS, GROQ, LITELLM, TOGETHER)
