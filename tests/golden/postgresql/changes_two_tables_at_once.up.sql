-- Second
-- Fails while things.c holds anything but 'x', 'row 1'.
ALTER TABLE "things" ALTER COLUMN "c" SET DEFAULT 'x';--> statement-breakpoint
-- things_c_check holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_check" CHECK ("c" IN ('x', 'row 1')) NOT VALID;--> statement-breakpoint
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
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_check";--> statement-breakpoint
ALTER TABLE "owners" ALTER COLUMN "name" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "owners" DROP CONSTRAINT "owners_name_not_null";
