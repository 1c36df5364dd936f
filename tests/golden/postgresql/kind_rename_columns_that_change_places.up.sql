-- Second
ALTER TABLE "things" RENAME COLUMN "c" TO "c_old";--> statement-breakpoint
ALTER TABLE "things" RENAME COLUMN "d" TO "c";--> statement-breakpoint
ALTER TABLE "things" RENAME COLUMN "c_old" TO "d";
