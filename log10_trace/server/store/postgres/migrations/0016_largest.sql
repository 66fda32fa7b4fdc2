-- The largest groups of a day, and of all time, without reading all of them.

CREATE INDEX rollups_by_calls ON rollups (organization_id, dimension, width, start, calls, key)
    WHERE width IN (0, 1440);
