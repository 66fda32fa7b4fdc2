-- Failures are a group of their own in the roll-ups now, and times to the first token are counted (columns.py). The
-- leading server counts records anew, in the background, that an earlier version counted.

CREATE TABLE waiting_counts (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    placed_ms       bigint NOT NULL,
    PRIMARY KEY (organization_id, id, placed_ms)
);
INSERT INTO waiting_counts SELECT organization_id, id, placed_ms FROM completions;
