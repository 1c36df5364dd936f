-- Second
ALTER TABLE "things" RENAME COLUMN "d" TO "d_old";--> statement-breakpoint
ALTER TABLE "things" RENAME COLUMN "c" TO "d";--> statement-breakpoint
ALTER TABLE "things" RENAME COLUMN "d_old" TO "c";
