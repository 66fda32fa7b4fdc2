-- Metadata is found by the index of tags and is a group of the roll-ups (metadata_labels.py). Records of earlier versions
-- that have some are entered when they are counted anew, in the background.

INSERT OR IGNORE INTO uncounted (position) SELECT position FROM completions;
