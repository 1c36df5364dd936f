-- Second
-- Puts '' into things.c where it is NULL.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
-- Fills things.c in batches, while others write.
-- harbor:backfill table=things key=id
UPDATE "things" SET "c" = '' WHERE "c" IS NULL;--> statement-breakpoint
-- So that SET NOT NULL on things.c below does not read the whole table.
ALTER TABLE "things" ADD CONSTRAINT "things_c_not_null" CHECK ("c" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- And what the application wrote until c could not be NULL.
-- harbor:backfill table=things key=id
UPDATE "things" SET "c" = '' WHERE "c" IS NULL;--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_not_null";--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "things" DROP CONSTRAINT "things_c_not_null";
