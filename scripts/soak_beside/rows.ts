/** Large enough for what is done beside writers, which is from 10 000 rows on, whatever the writer deletes. */
export const files = 12_000;

/** The writer changes so many of the first rows; those behind them are as they were. */
export const touched = 9_000;
