-- Failures are a group of their own in the roll-ups now, and times to the first token are counted (columns.py). Records
-- that an earlier version counted are counted anew in the background. What a record was counted as stands in its row
-- here, where statistics read it; in `bodies` it stands behind the body, and only for these records.

ALTER TABLE completions ADD COLUMN charges TEXT;

CREATE TABLE uncounted (position INTEGER PRIMARY KEY) STRICT;
INSERT INTO uncounted (position) SELECT position FROM completions;
