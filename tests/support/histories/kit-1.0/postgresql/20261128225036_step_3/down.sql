ALTER TABLE "posts" ALTER COLUMN "title" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "posts" ALTER COLUMN "id" DROP IDENTITY;
