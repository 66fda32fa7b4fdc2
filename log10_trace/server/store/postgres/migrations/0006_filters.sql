-- Every filter has an index, so that one that nothing matches does not read all records. What nearly all records
-- have in common needs none: it is found wherever one looks.

CREATE INDEX completions_not_chat ON completions (organization_id, kind, place) WHERE kind <> 'chat';
CREATE INDEX completions_by_file ON completions (organization_id, file, place) WHERE file IS NOT NULL;
CREATE INDEX completions_by_duration ON completions (organization_id, duration) WHERE duration IS NOT NULL;
CREATE INDEX completions_by_tokens ON completions (organization_id, tokens) WHERE tokens IS NOT NULL;
