-- Second
ALTER TABLE "things" DROP CONSTRAINT "things_c_check";
