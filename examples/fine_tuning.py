"""Fine-tuning: teach a small model with the good answers of a large one.

    OPENAI_API_KEY=... python examples/fine_tuning.py            # writes training.jsonl
    OPENAI_API_KEY=... python examples/fine_tuning.py --train    # and starts the training, which costs money

OPENAI_MODEL names the large model.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from openai import OpenAI

import log10_trace

TEACHER = os.environ.get("OPENAI_MODEL", "gpt-4o")
STUDENT = "gpt-4o-mini-2024-07-18"
FILE = Path("training.jsonl")
TOPICS = ["delivery", "return", "payment"]
ASK = f"Which topic has this mail: {', '.join(TOPICS)}? Answer with one word."
MAILS = {"Where is my tent?": "delivery", "These boots are too small.": "return", "I paid twice.": "payment"}

log10_trace.patch()
client = OpenAI()

# 1. Make the calls, or let a program in production make them; remember which answers were right.
good: list[str] = []
for mail, topic in MAILS.items():
    with log10_trace.session(tags=["sort-mail"]) as session:
        messages: Any = [{"role": "system", "content": ASK}, {"role": "user", "content": mail}]
        answer = client.chat.completions.create(model=TEACHER, messages=messages).choices[0].message.content
    if answer and topic in answer.lower() and session.last_completion_id:
        good.append(session.last_completion_id)
log10_trace.flush()

# 2. Tag them. People do the same on the page, or by grading.
with log10_trace.Log10() as log10:
    for completion_id in good:
        log10.completions.update(completion_id=completion_id, completion={"tags": ["sort-mail", "good"]})

# 3. Export them. The command leaves out what the trainer would refuse, and says why.
export = ["completions", "export", "--tag", "good", "--format", "openai-finetune", "-o", str(FILE), "--force"]
subprocess.run([sys.executable, "-m", "log10_trace", *export], check=True)
examples = [json.loads(line) for line in FILE.read_text().splitlines()]
print(f"{len(good)} of {len(MAILS)} answers were right; {FILE} has {len(examples)} examples")

# 4. Train.
if "--train" in sys.argv:
    uploaded = client.files.create(file=FILE, purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model=STUDENT, training_file=uploaded.id)
    print("training", job.id)
