-- Second
-- things_c_index is built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "things_c_index" ON "things" ("c") WHERE "things"."c" IS NOT NULL;
