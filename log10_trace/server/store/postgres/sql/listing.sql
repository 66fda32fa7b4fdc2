-- Questions for lists are put together from these blocks: what is wanted, the joins and conditions that the filter
-- names, the order. The values are always bound; low and high bound the place in every table that has it.

-- :summaries
SELECT c.place, c.id, c.head, c.model, c.input_tokens, c.output_tokens, c.preview_request, c.preview_response
FROM completions AS c

-- :records
SELECT c.place, c.id, c.head, c.body, s.body
FROM completions AS c
LEFT JOIN stacks AS s ON s.organization_id = c.organization_id AND s.hash = c.stack

-- :keys
SELECT c.place, c.id, c.placed_ms
FROM completions AS c

-- :tag
JOIN completion_tags AS t ON t.organization_id = c.organization_id AND t.place = c.place AND t.id = c.id
    AND t.placed_ms = c.placed_ms AND t.tag = %(tag)s AND t.place BETWEEN %(low)s AND %(high)s

-- :any_tag
JOIN (
    SELECT DISTINCT place, id, placed_ms FROM completion_tags
    WHERE organization_id = %(organization_id)s AND tag = ANY (%(tags)s) AND place BETWEEN %(low)s AND %(high)s
) AS t ON t.place = c.place AND t.id = c.id AND t.placed_ms = c.placed_ms

-- :words
JOIN completion_words AS w ON w.organization_id = c.organization_id AND w.place = c.place AND w.id = c.id
    AND w.placed_ms = c.placed_ms AND w.words @@ %(query)s::tsquery AND w.place BETWEEN %(low)s AND %(high)s

-- :organization
WHERE c.organization_id = %(organization_id)s AND c.place BETWEEN %(low)s AND %(high)s

-- :other_tags
AND NOT EXISTS (
    SELECT FROM unnest(%(other_tags)s::text[]) AS other
    WHERE NOT EXISTS (
        SELECT FROM completion_tags AS o
        WHERE o.organization_id = %(organization_id)s AND o.tag = other AND o.place = c.place AND o.id = c.id
            AND o.placed_ms = c.placed_ms))

-- :no_tag
AND NOT EXISTS (
    SELECT FROM completion_tags AS o
    WHERE o.organization_id = %(organization_id)s AND o.tag = ANY (%(tags)s) AND o.place = c.place
        AND o.id = c.id AND o.placed_ms = c.placed_ms)

-- :ungraded
AND NOT EXISTS (
    SELECT FROM feedback_completions AS f
    WHERE f.organization_id = %(organization_id)s AND f.completion_id = c.id AND f.task_id = %(task_id)s)

-- :status
AND c.status = %(status)s

-- :kind
AND c.kind = %(kind)s

-- :model
AND c.model = %(model)s

-- :session_id
AND c.session_id = %(session_id)s

-- :failure_kind
AND c.failure_kind = %(failure_kind)s

-- :file
AND c.file = %(file)s

-- :function
AND c.function = %(function)s

-- :min_duration
AND c.duration >= %(min_duration)s

-- :max_duration
AND c.duration <= %(max_duration)s

-- :min_tokens
AND c.tokens >= %(min_tokens)s

-- :max_tokens
AND c.tokens <= %(max_tokens)s

-- :after_newest
AND (c.place, c.id) < (%(after)s, %(after_id)s)

-- :after_oldest
AND (c.place, c.id) > (%(after)s, %(after_id)s)

-- :newest
ORDER BY c.place DESC, c.id DESC LIMIT %(limit)s

-- :oldest
ORDER BY c.place, c.id LIMIT %(limit)s
