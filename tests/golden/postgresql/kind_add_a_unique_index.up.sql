-- Second
-- things_c_index is built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "things_c_index" ON "things" ("c");
