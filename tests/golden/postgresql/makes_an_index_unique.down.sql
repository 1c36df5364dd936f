-- Second
-- ix_things_c_new is built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_things_c_new" ON "things" ("c");--> statement-breakpoint
DROP INDEX "ix_things_c";--> statement-breakpoint
ALTER INDEX "ix_things_c_new" RENAME TO "ix_things_c";
