-- Second
ALTER INDEX "things_old" RENAME TO "things_new";
