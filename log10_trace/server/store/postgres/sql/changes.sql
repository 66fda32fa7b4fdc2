-- :notify
-- After the commit, and only where somebody watches: a notification makes the commits of all servers queue.
SELECT pg_notify('log10_trace_changes', payload) FROM unnest(%(payloads)b::text[]) AS payload
WHERE NOT pg_try_advisory_xact_lock(%(lock)s);

-- :listen
LISTEN log10_trace_changes;

-- :hold
SELECT pg_advisory_lock_shared(%(lock)s);
