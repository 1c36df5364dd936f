-- Second
-- Drops things.old with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" ADD COLUMN "a" text;--> statement-breakpoint
ALTER TABLE "things" ADD COLUMN "b" integer;--> statement-breakpoint
-- The default of things.c fills the rows that exist without touching them; it is taken back below.
ALTER TABLE "things" ADD COLUMN "c" varchar(9) DEFAULT 'x' NOT NULL;--> statement-breakpoint
ALTER TABLE "things" ADD COLUMN "d" text;--> statement-breakpoint
-- The default of things.e fills the rows that exist without touching them.
ALTER TABLE "things" ADD COLUMN "e" timestamp DEFAULT CURRENT_TIMESTAMP;--> statement-breakpoint
DROP INDEX "ix_things_old";--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" SET DEFAULT gen_random_uuid()::text;--> statement-breakpoint
-- things_b_fkey holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_b_fkey" FOREIGN KEY ("b") REFERENCES "owners"("id") ON DELETE no action ON UPDATE no action NOT VALID;--> statement-breakpoint
-- things_c_check holds for new rows at once; those that exist are looked at below, while others write.
ALTER TABLE "things" ADD CONSTRAINT "things_c_check" CHECK ("c" IN ('x')) NOT VALID;--> statement-breakpoint
-- Fills things.d in batches, while others write.
-- harbor:backfill table=things key=id
UPDATE "things" SET "d" = CAST(id AS TEXT) WHERE "d" IS NULL;--> statement-breakpoint
-- So that SET NOT NULL on things.d below does not read the whole table.
ALTER TABLE "things" ADD CONSTRAINT "things_d_not_null" CHECK ("d" IS NOT NULL) NOT VALID;--> statement-breakpoint
-- ix_things_d is built while the application goes on writing.
-- harbor:concurrently
CREATE UNIQUE INDEX "ix_things_d" ON "things" ("d");--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_d_not_null";--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_b_fkey";--> statement-breakpoint
-- harbor:alone
ALTER TABLE "things" VALIDATE CONSTRAINT "things_c_check";--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "d" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "things" DROP CONSTRAINT "things_d_not_null";--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "old";
