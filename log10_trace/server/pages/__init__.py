"""The pages: HTML made here, read without JavaScript, loading nothing from elsewhere.

Three steps, each on its own: a route reads the store, a view (pure) makes of the records what a person wants
to see, a template lays it out. Whatever a view hands over is text to the template, never markup.
"""

from __future__ import annotations
