ALTER TYPE "mood" ADD VALUE 'away';--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "settings" jsonb DEFAULT '{"theme":"dark"}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "credit" numeric(10, 2) DEFAULT '0.00';--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "users_mood_idx" ON "users" ("mood");