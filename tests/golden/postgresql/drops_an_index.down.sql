-- Second
-- ix_things_c is built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_things_c" ON "things" ("c");
