-- Second
ALTER INDEX "things_new" RENAME TO "things_old";
