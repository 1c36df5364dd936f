-- Second
DROP INDEX `things_both`;
