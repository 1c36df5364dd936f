CREATE SCHEMA "shop";
--> statement-breakpoint
CREATE TYPE "shop"."kind" AS ENUM('a', 'b');--> statement-breakpoint
CREATE TYPE "mood" AS ENUM('calm', 'busy');--> statement-breakpoint
CREATE SEQUENCE "public"."counter" INCREMENT BY 5 MINVALUE 10 MAXVALUE 10000 START WITH 100 CACHE 3 CYCLE;--> statement-breakpoint
CREATE SEQUENCE "shop"."nums" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "shop"."orders" (
	"a" integer,
	"b" integer,
	"k" "shop"."kind" DEFAULT 'a'::"shop"."kind" NOT NULL,
	"owner" integer,
	CONSTRAINT "orders_pkey" PRIMARY KEY("a","b"),
	CONSTRAINT "ob" UNIQUE NULLS NOT DISTINCT("b","owner")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "users_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 7 CACHE 1),
	"email" varchar(200) NOT NULL UNIQUE,
	"name" text DEFAULT 'it''s' NOT NULL,
	"lower" text GENERATED ALWAYS AS (lower(name)) STORED,
	"moods" "mood"[] DEFAULT '{calm}'::"mood"[],
	"tags" text[] DEFAULT '{}'::text[] NOT NULL,
	"meta" jsonb DEFAULT '{"a":1}' NOT NULL,
	"at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"amount" numeric(10,2) DEFAULT '1.50',
	"big" bigint DEFAULT 9007199254740993,
	"uid" uuid DEFAULT gen_random_uuid() NOT NULL,
	CONSTRAINT "amount_pos" CHECK ("amount" >= 0)
);
--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE INDEX "users_lower" ON "users" (lower("email"),"name" DESC NULLS LAST);--> statement-breakpoint
CREATE UNIQUE INDEX "users_part" ON "users" ("name") WHERE "amount" > 0;--> statement-breakpoint
CREATE INDEX "users_gin" ON "users" USING gin ("meta");--> statement-breakpoint
ALTER TABLE "shop"."orders" ADD CONSTRAINT "orders_owner_users_id_fkey" FOREIGN KEY ("owner") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;--> statement-breakpoint
CREATE VIEW "v" AS (select "id", "name" from "users");--> statement-breakpoint
CREATE MATERIALIZED VIEW "mv" AS (select "id" from "users");--> statement-breakpoint
CREATE POLICY "own" ON "users" AS RESTRICTIVE FOR SELECT TO public USING ("users"."name" = current_user);