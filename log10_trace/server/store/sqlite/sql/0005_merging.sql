-- Twice as many segments of the text index gathered before they are merged: they come longer and fewer, since words
-- are indexed many records at once, and each merge that does not happen is a rewriting of everything in it.

INSERT INTO search (search, rank) VALUES ('automerge', 16);
