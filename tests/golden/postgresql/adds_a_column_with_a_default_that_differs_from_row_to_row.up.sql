-- Second
ALTER TABLE "things" ADD COLUMN "c" varchar(36);--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
-- Fills things.c in batches, while others write.
-- harbor:backfill table=things key=id
UPDATE "things" SET "c" = gen_random_uuid()::text WHERE "c" IS NULL;
