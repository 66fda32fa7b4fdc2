-- The text index holds requests and responses apart, and pairs of signs of scripts without spaces (search_text.py).
-- It is filled anew in the background, the newest records first.

DROP TABLE search;
CREATE VIRTUAL TABLE search USING fts5 (
    organization, request, response, content = '', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO search (search, rank) VALUES ('hashsize', 8388608);
INSERT INTO search (search, rank) VALUES ('automerge', 16);
INSERT INTO search (search, rank) VALUES ('crisismerge', 32);

DROP TABLE misspelled;
-- Records of earlier versions whose words are not in the text index yet.
CREATE TABLE older_unindexed (position INTEGER PRIMARY KEY) STRICT;
INSERT INTO older_unindexed (position)
SELECT position FROM completions WHERE position NOT IN (SELECT position FROM unindexed);
