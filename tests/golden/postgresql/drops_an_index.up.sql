-- Second
DROP INDEX "ix_things_c";
