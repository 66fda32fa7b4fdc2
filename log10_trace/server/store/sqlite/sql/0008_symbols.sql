-- Symbols, and characters of scripts without spaces, are words of the text index now (search_text.py). Records whose
-- words the index may hold in the earlier spelling; they are spelled anew in the background.

CREATE TABLE misspelled (position INTEGER PRIMARY KEY) STRICT;
INSERT INTO misspelled (position)
SELECT position FROM completions WHERE position NOT IN (SELECT position FROM unindexed);
