-- Second
-- things_both is built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "things_both" ON "things" ("name","c");
