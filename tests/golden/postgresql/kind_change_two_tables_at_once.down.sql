-- Second
-- Drops things.d with what it holds.
-- Brings back owners.gone without what it held.
-- Leaves '' in owners.name where it was NULL.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "owners" ADD COLUMN "gone" text;--> statement-breakpoint
ALTER TABLE "owners" ALTER COLUMN "name" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "d";
