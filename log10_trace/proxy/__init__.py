"""A recording proxy in front of one model API, for programs that ``patch()`` does not reach.

``client_connection`` reads requests and ``upstream_connection`` responses; an ``exchange`` joins the two and
tells its ``exchange_recording`` of every byte before the client has it. ``run`` is what the command starts.
"""
