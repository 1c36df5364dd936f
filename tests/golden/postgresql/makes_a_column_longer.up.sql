-- Second
ALTER TABLE "things" ALTER COLUMN "c" SET DATA TYPE varchar(50);
