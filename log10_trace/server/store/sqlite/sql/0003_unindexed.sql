-- Records whose words are not in the text index yet, which takes many at once for half of what few cost it.

CREATE TABLE unindexed (position INTEGER PRIMARY KEY) STRICT;
