-- Second
-- things_c_index_new is built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "things_c_index_new" ON "things" ("c");--> statement-breakpoint
DROP INDEX "things_c_index";--> statement-breakpoint
ALTER INDEX "things_c_index_new" RENAME TO "things_c_index";
