-- Second
-- Leaves '' in owners.name where it was NULL.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" DROP CONSTRAINT "things_c_check";--> statement-breakpoint
ALTER TABLE "owners" ALTER COLUMN "name" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "things" ALTER COLUMN "c" DROP DEFAULT;
