-- What a record was charged (counted.py), so that it is taken out of the roll-ups as it was added; NULL where an
-- earlier version counted it.

ALTER TABLE bodies ADD COLUMN charges TEXT;
