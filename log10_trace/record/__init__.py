"""From the bytes of a call to its Completion: no threads, no files, no SDK.

The functions are pure, with two exceptions. A new ``Call`` takes an id, which reads the clock and a random
source. ``decode_body`` imports the library of a content coding when such a body first comes.
"""

from __future__ import annotations
