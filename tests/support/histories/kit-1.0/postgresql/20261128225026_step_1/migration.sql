CREATE TYPE "mood" AS ENUM('calm', 'busy');--> statement-breakpoint
CREATE TABLE "likes" (
	"user" integer,
	"post" integer,
	CONSTRAINT "likes_pkey" PRIMARY KEY("user","post")
);
--> statement-breakpoint
CREATE TABLE "posts" (
	"id" integer PRIMARY KEY,
	"author" integer NOT NULL,
	"title" text,
	"draft" boolean DEFAULT true,
	CONSTRAINT "posts_one" UNIQUE("title","draft")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" serial PRIMARY KEY,
	"email" varchar(200) NOT NULL UNIQUE,
	"mood" "mood" DEFAULT 'calm'::"mood" NOT NULL,
	"tags" text[],
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "posts_title_idx" ON "posts" ("author","title");--> statement-breakpoint
ALTER TABLE "likes" ADD CONSTRAINT "likes_user_users_id_fkey" FOREIGN KEY ("user") REFERENCES "users"("id");--> statement-breakpoint
ALTER TABLE "likes" ADD CONSTRAINT "likes_post_posts_id_fkey" FOREIGN KEY ("post") REFERENCES "posts"("id");--> statement-breakpoint
ALTER TABLE "posts" ADD CONSTRAINT "posts_author_users_id_fkey" FOREIGN KEY ("author") REFERENCES "users"("id") ON DELETE CASCADE;