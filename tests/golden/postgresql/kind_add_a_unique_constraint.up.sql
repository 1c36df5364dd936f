-- Second
-- harbor:concurrently
CREATE UNIQUE INDEX "things_c_key" ON "things" ("c");--> statement-breakpoint
ALTER TABLE "things" ADD CONSTRAINT "things_c_key" UNIQUE USING INDEX "things_c_key";
