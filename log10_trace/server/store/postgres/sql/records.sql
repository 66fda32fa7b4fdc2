-- :place
-- Enter ids that carry no time; who comes first decides where they stand.
INSERT INTO placements (organization_id, id, placed_ms)
SELECT * FROM unnest(%(organization_ids)b::text[], %(ids)b::text[], %(placed)b::bigint[])
ON CONFLICT DO NOTHING;

-- :placed
SELECT organization_id, id, placed_ms FROM placements
WHERE (organization_id, id) IN (SELECT * FROM unnest(%(organization_ids)b::text[], %(ids)b::text[]));

-- :hold_stacks
-- Until the commit nobody sweeps stacks away; writers do not wait for each other here.
SELECT pg_advisory_xact_lock_shared(%(lock)s);

-- :keep_stacks
INSERT INTO stacks (organization_id, hash, body)
SELECT * FROM unnest(%(organization_ids)b::text[], %(hashes)b::bytea[], %(bodies)b::bytea[])
ON CONFLICT DO NOTHING;

-- :insert
-- What is new is inserted and named; what was there is left alone.
INSERT INTO completions (
    organization_id, id, placed_ms, place, status, kind, model, session_id, failure_kind, file, function, duration,
    input_tokens, output_tokens, tokens, preview_request, preview_response, skipped, head, stack, body,
    charges, preview_tool, prompt_digest, trace_id)
SELECT * FROM unnest(
    %(organization_id)b::text[], %(id)b::text[], %(placed_ms)b::bigint[], %(place)b::bigint[], %(status)b::text[],
    %(kind)b::text[], %(model)b::text[], %(session_id)b::text[], %(failure_kind)b::text[], %(file)b::text[],
    %(function)b::text[], %(duration)b::float8[], %(input_tokens)b::bigint[], %(output_tokens)b::bigint[],
    %(tokens)b::bigint[], %(preview_request)b::text[], %(preview_response)b::text[],
    %(skipped)b::int[], %(head)b::text[], %(stack)b::bytea[], %(body)b::bytea[],
    %(charges)b::text[], %(preview_tool)b::text[], %(prompt_digest)b::text[],
    %(trace_id)b::text[])
ON CONFLICT (organization_id, id, placed_ms) DO NOTHING
RETURNING organization_id, id;

-- :repeats
-- Of records that were not there: what is remembered of their deletion, and whether their sequence had arrived.
SELECT n.organization_id, n.id, d.content,
    n.began_ms < (SELECT max(before_ms) FROM pruned) AND EXISTS (
        SELECT FROM arrivals AS a
        WHERE a.organization_id = n.organization_id AND a.source = n.source
            AND a.first <= n.sequence AND a.last >= n.sequence)
FROM unnest(
    %(organization_ids)b::text[], %(ids)b::text[], %(records)b::text[], %(began)b::bigint[], %(sources)b::text[],
    %(sequences)b::bigint[]) AS n (organization_id, id, record, began_ms, source, sequence)
LEFT JOIN deleted AS d ON d.organization_id = n.organization_id AND d.record = n.record;

-- :take_back
-- Records that this transaction inserted, and where they were placed.
WITH wanted AS (
    SELECT * FROM unnest(%(organization_ids)b::text[], %(ids)b::text[], %(placed)b::bigint[])
        AS n (organization_id, id, placed_ms)
), places AS (
    DELETE FROM placements AS p USING wanted AS n WHERE p.organization_id = n.organization_id AND p.id = n.id
)
DELETE FROM completions AS c USING wanted AS n
WHERE c.organization_id = n.organization_id AND c.id = n.id AND c.placed_ms = n.placed_ms;

-- :update
UPDATE completions AS c SET
    place = n.place, status = n.status, kind = n.kind, model = n.model, session_id = n.session_id,
    failure_kind = n.failure_kind, file = n.file, function = n.function, duration = n.duration,
    input_tokens = n.input_tokens, output_tokens = n.output_tokens, tokens = n.tokens,
    preview_request = n.preview_request, preview_response = n.preview_response, skipped = n.skipped,
    head = n.head, stack = n.stack, body = n.body, charges = n.charges,
    preview_tool = n.preview_tool, prompt_digest = n.prompt_digest, trace_id = n.trace_id
FROM unnest(
    %(organization_id)b::text[], %(id)b::text[], %(placed_ms)b::bigint[], %(place)b::bigint[], %(status)b::text[],
    %(kind)b::text[], %(model)b::text[], %(session_id)b::text[], %(failure_kind)b::text[], %(file)b::text[],
    %(function)b::text[], %(duration)b::float8[], %(input_tokens)b::bigint[], %(output_tokens)b::bigint[],
    %(tokens)b::bigint[], %(preview_request)b::text[], %(preview_response)b::text[],
    %(skipped)b::int[], %(head)b::text[], %(stack)b::bytea[], %(body)b::bytea[],
    %(charges)b::text[], %(preview_tool)b::text[], %(prompt_digest)b::text[],
    %(trace_id)b::text[])
    AS n (organization_id, id, placed_ms, place, status, kind, model, session_id, failure_kind, file, function,
          duration, input_tokens, output_tokens, tokens, preview_request, preview_response, skipped, head, stack, body,
          charges, preview_tool, prompt_digest, trace_id)
WHERE c.organization_id = n.organization_id AND c.id = n.id AND c.placed_ms = n.placed_ms;

-- :recount
-- What follows from records by the rules of now; bodies stay as they are.
UPDATE completions AS c SET
    status = n.status, kind = n.kind, model = n.model, session_id = n.session_id, failure_kind = n.failure_kind,
    file = n.file, function = n.function, duration = n.duration, input_tokens = n.input_tokens,
    output_tokens = n.output_tokens, tokens = n.tokens, charges = n.charges, preview_tool = n.preview_tool,
    prompt_digest = n.prompt_digest, trace_id = n.trace_id
FROM unnest(
    %(organization_id)b::text[], %(id)b::text[], %(placed_ms)b::bigint[], %(status)b::text[], %(kind)b::text[],
    %(model)b::text[], %(session_id)b::text[], %(failure_kind)b::text[], %(file)b::text[], %(function)b::text[],
    %(duration)b::float8[], %(input_tokens)b::bigint[], %(output_tokens)b::bigint[], %(tokens)b::bigint[],
    %(charges)b::text[], %(preview_tool)b::text[], %(prompt_digest)b::text[],
    %(trace_id)b::text[])
    AS n (organization_id, id, placed_ms, status, kind, model, session_id, failure_kind, file, function, duration,
          input_tokens, output_tokens, tokens, charges, preview_tool, prompt_digest, trace_id)
WHERE c.organization_id = n.organization_id AND c.id = n.id AND c.placed_ms = n.placed_ms;

-- :lock
-- Records as they stand, held until the commit. Not against the indexer, which only needs them to stay.
SELECT c.organization_id, c.id, c.place, c.skipped, c.head, c.body, s.body, c.model, c.input_tokens,
    c.output_tokens, c.charges
FROM completions AS c
LEFT JOIN stacks AS s ON s.organization_id = c.organization_id AND s.hash = c.stack
WHERE (c.organization_id, c.id, c.placed_ms)
    IN (SELECT * FROM unnest(%(organization_ids)b::text[], %(ids)b::text[], %(placed)b::bigint[]))
ORDER BY c.organization_id, c.id
FOR NO KEY UPDATE OF c;

-- :get
SELECT c.place, c.id, c.head, c.body, s.body
FROM completions AS c
LEFT JOIN stacks AS s ON s.organization_id = c.organization_id AND s.hash = c.stack
WHERE c.organization_id = %(organization_id)s AND c.id = %(id)s
  AND c.placed_ms = COALESCE(
      %(placed_ms)s::bigint,
      (SELECT placed_ms FROM placements WHERE organization_id = %(organization_id)s AND id = %(id)s));

-- :sort_key
SELECT c.place, c.id FROM completions AS c
WHERE c.organization_id = %(organization_id)s AND c.id = %(id)s
  AND c.placed_ms = COALESCE(
      %(placed_ms)s::bigint,
      (SELECT placed_ms FROM placements WHERE organization_id = %(organization_id)s AND id = %(id)s));

-- :ids_with_part
-- OFFSET 0 keeps the planner from reading all ids in their order until it has enough that end so.
WITH begins AS (
    SELECT id FROM completions
    WHERE organization_id = %(organization_id)s AND id >= %(id)s AND id < %(id)s::text || chr(1114111)
    ORDER BY id DESC LIMIT %(limit)s
), ends AS (
    SELECT id FROM completions
    WHERE organization_id = %(organization_id)s AND reverse(right(id, 8)) >= %(end)s
        AND reverse(right(id, 8)) < %(end)s::text || chr(1114111) AND right(id, length(%(id)s)) = %(id)s
    OFFSET 0
)
SELECT id FROM begins UNION SELECT id FROM ends ORDER BY id DESC LIMIT %(limit)s;

-- :deletion_day
SELECT day FROM deleted WHERE organization_id = %(organization_id)s AND record = %(record)s;

-- :body_prefixes
-- The beginnings of bodies; of a body that is kept out of line no more is read.
SELECT d.id, c.skipped, c.body
FROM unnest(%(ids)b::text[], %(placed)b::bigint[]) AS d (id, placed_ms)
CROSS JOIN LATERAL (
    SELECT skipped, substring(body FROM 1 FOR %(max_bytes)s) AS body FROM completions AS c
    WHERE c.organization_id = %(organization_id)s AND c.id = d.id
      AND c.placed_ms = COALESCE(
          d.placed_ms,
          (SELECT placed_ms FROM placements AS p WHERE p.organization_id = %(organization_id)s AND p.id = d.id))
    OFFSET 0
) AS c;

-- :add_tags
INSERT INTO completion_tags (organization_id, tag, place, id, placed_ms)
SELECT * FROM unnest(%(organization_ids)b::text[], %(tags)b::text[], %(places)b::bigint[], %(ids)b::text[],
                     %(placed)b::bigint[])
ON CONFLICT DO NOTHING;

-- :remove_tags
DELETE FROM completion_tags
WHERE (organization_id, tag, place, id, placed_ms)
    IN (SELECT * FROM unnest(%(organization_ids)b::text[], %(tags)b::text[], %(places)b::bigint[], %(ids)b::text[],
                             %(placed)b::bigint[]));

-- :add_texts
-- Hand the indexer (search.py) what is to be found.
INSERT INTO waiting_texts (organization_id, id, placed_ms, content)
SELECT * FROM unnest(%(organization_ids)b::text[], %(ids)b::text[], %(placed)b::bigint[], %(contents)b::text[]);

-- :meet_sessions
INSERT INTO sessions (organization_id, id, first_ms, last_ms)
SELECT * FROM unnest(%(organization_ids)b::text[], %(ids)b::text[], %(first)b::bigint[], %(last)b::bigint[])
ON CONFLICT (organization_id, id) DO UPDATE SET
    first_ms = LEAST(sessions.first_ms, excluded.first_ms), last_ms = GREATEST(sessions.last_ms, excluded.last_ms)
WHERE excluded.first_ms < sessions.first_ms OR excluded.last_ms > sessions.last_ms;

-- :add_arrivals
INSERT INTO arrivals (organization_id, source, first, last)
SELECT * FROM unnest(%(organization_ids)b::text[], %(sources)b::text[], %(first)b::bigint[], %(last)b::bigint[]);
