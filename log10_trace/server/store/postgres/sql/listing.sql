-- Questions for lists are put together from these blocks; the values are always bound.
--
-- Without tags and text a question reads completions itself, as d. With them it reads tags or words in the order of
-- the list, as d, and looks each record up by its key. Written as a join of three equal columns, the planner would
-- believe that hardly any rows agree, since it multiplies what depends on each other, and sort everything instead of
-- reading until the page is full: hence LATERAL and OFFSET 0.

-- :summaries
SELECT d.place, d.id, head, model, input_tokens, output_tokens, preview_request, preview_response, preview_tool,
    charges, (SELECT s.body FROM stacks AS s WHERE s.organization_id = %(organization_id)s AND s.hash = stack)
FROM

-- :records
SELECT d.place, d.id, head, body,
    (SELECT s.body FROM stacks AS s WHERE s.organization_id = %(organization_id)s AND s.hash = stack)
FROM

-- :keys
SELECT d.place, d.id, d.placed_ms FROM

-- :summed_facts
-- Without charges the model is what a record is charged by.
SELECT d.place, status, CASE WHEN charges IS NULL THEN model END, NULL, NULL, NULL, NULL, duration, input_tokens,
    output_tokens, charges, NULL
FROM

-- :facts
SELECT d.place, status, model, session_id, failure_kind, file, function, duration, input_tokens, output_tokens,
    charges, NULL
FROM

-- :tagged_facts
SELECT d.place, status, model, session_id, failure_kind, file, function, duration, input_tokens, output_tokens,
    charges, head
FROM

-- :ones
SELECT 1 FROM

-- :all
completions AS d
WHERE d.organization_id = %(organization_id)s AND d.place BETWEEN %(low)s AND %(high)s

-- :named
unnest(%(ids)s::text[], %(placed)s::bigint[]) AS wanted (wanted_id, wanted_ms)
JOIN completions AS d ON d.organization_id = %(organization_id)s AND d.id = wanted_id
    AND d.placed_ms = COALESCE(
        wanted_ms,
        (SELECT p.placed_ms FROM placements AS p
         WHERE p.organization_id = %(organization_id)s AND p.id = wanted_id))

-- :label
(
    SELECT place, id, placed_ms FROM completion_tags AS d
    WHERE organization_id = %(organization_id)s AND tag = %(label)s AND place BETWEEN %(low)s AND %(high)s

-- :any_tag
(
    SELECT DISTINCT place, id, placed_ms FROM completion_tags AS d
    WHERE organization_id = %(organization_id)s AND tag = ANY (%(tags)s) AND place BETWEEN %(low)s AND %(high)s

-- :words
(
    SELECT place, id, placed_ms FROM completion_words AS d
    WHERE organization_id = %(organization_id)s AND words @@ %(query)s::tsquery
        AND place BETWEEN %(low)s AND %(high)s

-- :found
(
    SELECT place, id, placed_ms
    FROM unnest(%(places)s::bigint[], %(ids)s::text[], %(placed)s::bigint[]) AS d (place, id, placed_ms)
    WHERE place BETWEEN %(low)s AND %(high)s

-- :probe
-- Who has the words, as far as the text index tells, but no more than a page or two of rare ones; a single one where
-- they are more. The planner guesses that one text in two hundred holds a word it does not know, and would walk through
-- all texts in order to find fifty; the sums keep it from any index but that of the words.
SELECT place, id, placed_ms, found FROM (
    SELECT place, id, placed_ms, row_number() OVER () AS number, count(*) OVER () AS found FROM (
        SELECT place, id, placed_ms FROM completion_words
        WHERE words @@ %(query)s::tsquery AND organization_id || '' = %(organization_id)s
            AND place + 0 BETWEEN %(low)s AND %(high)s
        LIMIT %(most)s
    ) AS first
) AS numbered
WHERE found < %(most)s OR number = 1;

-- :known_words
-- The numbers of the queries, from 1, that some text of the organization matches.
SELECT number FROM unnest(%(queries)s::text[]) WITH ORDINALITY AS asked (query, number)
WHERE EXISTS (
    SELECT FROM completion_words
    WHERE words @@ query::tsquery AND organization_id || '' = %(organization_id)s
    LIMIT 1);

-- :rarest_label
-- Of some tags and pairs of metadata the one with fewest calls, as far as they are folded.
SELECT wanted
FROM unnest(%(labels)b::text[], %(dimensions)b::text[], %(keys)b::text[]) AS groups (wanted, of_dimension, of_key)
LEFT JOIN rollups ON organization_id = %(organization_id)s AND dimension = of_dimension AND width = 0 AND start = 0
    AND key = of_key
ORDER BY COALESCE(calls, 0), wanted LIMIT 1;

-- :probe_range
-- Who is in the range, but no more than a page or two of few.
SELECT place, id, placed_ms FROM completions
WHERE organization_id = %(organization_id)s AND place BETWEEN %(low)s AND %(high)s

-- :most
LIMIT %(most)s

-- :look_up
) AS d
CROSS JOIN LATERAL (
    SELECT head, body, stack, status, kind, model, session_id, failure_kind, file, function, duration,
        input_tokens, output_tokens, tokens, preview_request, preview_response, preview_tool, charges, prompt_digest,
        trace_id
    FROM completions AS c
    WHERE c.organization_id = %(organization_id)s AND c.id = d.id AND c.placed_ms = d.placed_ms
    OFFSET 0
) AS c
WHERE true

-- :no_look_up
) AS d

-- :has_tag
AND EXISTS (
    SELECT FROM completion_tags AS o
    WHERE o.organization_id = %(organization_id)s AND o.tag = ANY (%(tags)s) AND o.place = d.place
        AND o.id = d.id AND o.placed_ms = d.placed_ms)

-- :all_labels
AND NOT EXISTS (
    SELECT FROM unnest(%(labels)b::text[]) AS wanted
    WHERE NOT EXISTS (
        SELECT FROM completion_tags AS o
        WHERE o.organization_id = %(organization_id)s AND o.tag = wanted AND o.place = d.place AND o.id = d.id
            AND o.placed_ms = d.placed_ms))

-- :has_words
AND EXISTS (
    SELECT FROM completion_words AS o
    WHERE o.organization_id = %(organization_id)s AND o.id = d.id AND o.placed_ms = d.placed_ms
        AND o.words @@ %(query)s::tsquery)

-- :no_tag
-- OFFSET 0 keeps it a question for each record, whatever else the planner would join.
AND NOT EXISTS (
    SELECT FROM completion_tags AS o
    WHERE o.organization_id = %(organization_id)s AND o.tag = ANY (%(tags)s) AND o.place = d.place
        AND o.id = d.id AND o.placed_ms = d.placed_ms
    OFFSET 0)

-- :ungraded
AND NOT EXISTS (
    SELECT FROM feedback_completions AS f
    WHERE f.organization_id = %(organization_id)s AND f.completion_id = d.id AND f.task_id = %(task_id)s)

-- :after_newest
AND (d.place, d.id) < (%(after)s, %(after_id)s)

-- :after_oldest
AND (d.place, d.id) > (%(after)s, %(after_id)s)

-- :newest
ORDER BY d.place DESC, d.id DESC

-- :oldest
ORDER BY d.place, d.id

-- :session_ends
SELECT wanted.session_id, ends.is_last, ends.id
FROM unnest(%(session_ids)s::text[]) AS wanted (session_id)
CROSS JOIN LATERAL (
    (SELECT false AS is_last, id FROM completions
     WHERE organization_id = %(organization_id)s AND session_id = wanted.session_id
     ORDER BY place, id LIMIT 1)
    UNION ALL
    (SELECT true, id FROM completions
     WHERE organization_id = %(organization_id)s AND session_id = wanted.session_id
     ORDER BY place DESC, id DESC LIMIT 1)
) AS ends
ORDER BY ends.is_last;

-- :session_ends_near
-- The same in the days around those on which the sessions began and ended, with the place of each call and the
-- moment that the session has: a day that the planner can leave out is not looked at.
SELECT s.id, ends.is_last, ends.id, ends.place, CASE WHEN ends.is_last THEN s.last_ms ELSE s.first_ms END
FROM unnest(%(session_ids)s::text[]) AS wanted (session_id)
JOIN sessions AS s ON s.organization_id = %(organization_id)s AND s.id = wanted.session_id
CROSS JOIN LATERAL (
    (SELECT false AS is_last, id, place FROM completions
     WHERE organization_id = %(organization_id)s AND session_id = s.id
         AND placed_ms BETWEEN s.first_ms - 86400000 AND s.first_ms + 86400000
     ORDER BY place, id LIMIT 1)
    UNION ALL
    (SELECT true, id, place FROM completions
     WHERE organization_id = %(organization_id)s AND session_id = s.id
         AND placed_ms BETWEEN s.last_ms - 86400000 AND s.last_ms + 86400000
     ORDER BY place DESC, id DESC LIMIT 1)
) AS ends
ORDER BY ends.is_last;
