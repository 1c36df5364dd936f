-- Second
-- Drops owners.gone with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "d" text;--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" SET DEFAULT 'x';--> statement-breakpoint
-- Fills owners.name in batches, while others write.
-- harbor:backfill table=owners key=id
UPDATE "owners" SET "name" = '' WHERE "name" IS NULL;--> statement-breakpoint
-- So that SET NOT NULL on owners.name below does not read the whole table.
ALTER TABLE "owners" ADD CONSTRAINT "owners_name_not_null" CHECK ("name" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- And what the application wrote until name could not be NULL.
-- harbor:backfill table=owners key=id
UPDATE "owners" SET "name" = '' WHERE "name" IS NULL;--> statement-breakpoint
-- harbor:alone
ALTER TABLE "owners" VALIDATE CONSTRAINT "owners_name_not_null";--> statement-breakpoint
ALTER TABLE "owners" ALTER COLUMN "name" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "owners" DROP CONSTRAINT "owners_name_not_null";--> statement-breakpoint
ALTER TABLE "owners" DROP COLUMN "gone";
