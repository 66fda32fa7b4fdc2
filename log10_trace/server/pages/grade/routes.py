"""The routes of the To grade pages."""

from __future__ import annotations

from typing import Final

from log10_trace.server.operations import GRADE, READ, READ_OR_GRADE, Operation
from log10_trace.server.pages.grade.downloads import download_graded_calls, download_results_csv
from log10_trace.server.pages.grade.grading_page import save, show, undo
from log10_trace.server.pages.grade.handing_out import hand_out_next
from log10_trace.server.pages.grade.task_page import show_task
from log10_trace.server.pages.grade.tasks_page import create_task, new_task, tasks

OPERATIONS: Final = (
    Operation("GET", "/grade", tasks, READ_OR_GRADE),
    Operation("GET", "/grade/new", new_task, READ_OR_GRADE),
    Operation("POST", "/grade/new", create_task, GRADE),
    Operation("GET", "/grade/{id}", show_task, READ_OR_GRADE),
    Operation("GET", "/grade/{id}/results.csv", download_results_csv, READ_OR_GRADE),
    Operation("GET", "/grade/{id}/graded.jsonl", download_graded_calls, READ),
    Operation("POST", "/grade/{id}/next", hand_out_next, GRADE),
    Operation("POST", "/grade/{id}/undo", undo, GRADE),
    Operation("GET", "/grade/{id}/calls/{completion}", show, READ_OR_GRADE),
    Operation("POST", "/grade/{id}/calls/{completion}", save, GRADE),
)
