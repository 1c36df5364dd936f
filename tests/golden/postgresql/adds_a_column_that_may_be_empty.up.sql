-- Second
ALTER TABLE "things" ADD COLUMN "c" varchar(500);
