-- Second
ALTER TABLE "things" DROP CONSTRAINT "things_c_owners_id_fk";
