-- Second
ALTER TABLE "things" RENAME COLUMN "old" TO "c";
