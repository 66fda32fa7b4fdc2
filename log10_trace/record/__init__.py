"""From the bytes of a call to its Completion: no threads, no disk, no SDK.

The functions are pure, except that a new ``Call`` takes an id, which reads the clock and a random source.
"""

from __future__ import annotations
