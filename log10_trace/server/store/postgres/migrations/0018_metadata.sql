-- Metadata is found by the index of tags and is a group of the roll-ups (metadata_labels.py). Records of earlier versions
-- that have some are entered when the leading server counts them anew, in the background.

INSERT INTO waiting_counts SELECT organization_id, id, placed_ms FROM completions WHERE head LIKE '%"metadata"%'
ON CONFLICT DO NOTHING;
