"""The To grade pages: tasks, their results, and one completion after the other with a form."""
