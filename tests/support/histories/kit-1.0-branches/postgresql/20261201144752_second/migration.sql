ALTER TYPE "mood" ADD VALUE 'away';--> statement-breakpoint
ALTER SEQUENCE "counter" INCREMENT BY 7 MINVALUE 10 MAXVALUE 10000 START WITH 100 CACHE 3 CYCLE;--> statement-breakpoint
DROP VIEW "v";--> statement-breakpoint
CREATE VIEW "v" AS (select "id", "email" from "users");--> statement-breakpoint
ALTER POLICY "own" ON "users" TO public USING ("users"."name" = current_user or true);