-- :all
SELECT source, first, last FROM arrivals
WHERE organization_id = %(organization_id)s ORDER BY source, first;

-- :one
SELECT source, first, last FROM arrivals
WHERE organization_id = %(organization_id)s AND source = %(source)s ORDER BY first;

-- :join
-- Ranges of one process that touch become one. Only rows that this statement sees are replaced.
WITH numbered AS (
    SELECT ctid AS row, organization_id, source, first, last,
        max(last) OVER (PARTITION BY organization_id, source ORDER BY first, last
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM arrivals
), islands AS (
    SELECT row, organization_id, source, first, last,
        count(*) FILTER (WHERE before IS NULL OR first > before + 1)
            OVER (PARTITION BY organization_id, source ORDER BY first, last) AS island
    FROM numbered
), joined AS (
    SELECT organization_id, source, min(first) AS first, max(last) AS last, array_agg(row) AS rows
    FROM islands GROUP BY organization_id, source, island HAVING count(*) > 1
), gone AS (
    DELETE FROM arrivals WHERE ctid = ANY (ARRAY (SELECT unnest(rows) FROM joined)) RETURNING 1
)
INSERT INTO arrivals (organization_id, source, first, last)
SELECT organization_id, source, first, last FROM joined;
