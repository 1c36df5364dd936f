-- Second
-- Drops things.a, things.b, things.c, things.d and things.e with what they hold.
-- Brings back things.old without what it held.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE "things" DROP CONSTRAINT "things_b_fkey";--> statement-breakpoint
ALTER TABLE "things" ADD COLUMN "old" text;--> statement-breakpoint
ALTER TABLE "things" DROP CONSTRAINT "things_c_check";--> statement-breakpoint
DROP INDEX "ix_things_d";--> statement-breakpoint
-- ix_things_old is built while the application goes on writing.
-- harbor:concurrently
CREATE INDEX "ix_things_old" ON "things" ("old");--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "a";--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "b";--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "c";--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "d";--> statement-breakpoint
ALTER TABLE "things" DROP COLUMN "e";
