-- Second
ALTER TABLE "things" ALTER COLUMN "c" SET DEFAULT 'x';
