-- The last characters of ids, backwards, so that a record is found by the end of its id.

CREATE INDEX completions_by_id_end ON completions (organization_id, reverse(right(id, 8)));
