-- Second
-- Brings back things.c without what it held: rows get CAST("id" AS VARCHAR).
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "c" text;--> statement-breakpoint
-- Fills things.c in batches, while others write.
-- harbor:backfill table=things key=id
UPDATE "things" SET "c" = CAST("id" AS VARCHAR) WHERE "c" IS NULL;--> statement-breakpoint
-- So that SET NOT NULL on things.c below does not read the whole table.
ALTER TABLE "things" ADD CONSTRAINT "things_c_not_null" CHECK ("c" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- ix_things_c is built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "ix_things_c" ON "things" ("c");--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_not_null";--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "things" DROP CONSTRAINT "things_c_not_null";
