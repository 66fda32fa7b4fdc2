-- The groups of a day, and of all time, that cost most, without reading all of them: a rare call may cost more than
-- all others. In billionths of a dollar, at the prices when it was written; NULL until it is worked out.

ALTER TABLE rollups ADD COLUMN cost bigint;

CREATE INDEX rollups_by_cost ON rollups (organization_id, dimension, width, start, cost, key)
    WHERE width IN (0, 1440) AND cost > 0;
CREATE INDEX rollups_without_cost ON rollups (organization_id, dimension)
    WHERE width IN (0, 1440) AND cost IS NULL;
