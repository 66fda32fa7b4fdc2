-- What lists show of a tool's answer that is the last message of its request; NULL without one, and in records of
-- earlier versions.

ALTER TABLE completions ADD COLUMN preview_tool TEXT;
