"""DSPy, over LiteLLM."""

from __future__ import annotations

import dspy

TEXT = "[[ ## answer ## ]]\nParis\n\n[[ ## completed ## ]]"
dspy.configure(lm=dspy.LM("openai/gpt-4o-mini", cache=False))
predict = dspy.Predict("question -> answer")


def plain() -> None:
    predict(question="hi")  # here


def parallel() -> None:
    examples = [dspy.Example(question=word).with_inputs("question") for word in ("one", "two", "three")]
    dspy.Parallel(num_threads=2)([(predict, each) for each in examples])  # here


def batch() -> None:
    predict.batch([dspy.Example(question="one").with_inputs("question")], num_threads=2)  # here


async def async_plain() -> None:
    await predict.acall(question="hi")  # here


async def async_asyncify() -> None:
    await dspy.asyncify(predict)(question="hi")  # here
