-- The text index holds words of requests and responses apart, and pairs of signs of scripts without spaces
-- (text_search.py). The leading server fills it anew in the background, the newest records first.

TRUNCATE completion_words, waiting_texts;
CREATE INDEX waiting_records_by_moment ON waiting_records (placed_ms);
INSERT INTO waiting_records SELECT organization_id, id, placed_ms FROM completions ON CONFLICT DO NOTHING;
