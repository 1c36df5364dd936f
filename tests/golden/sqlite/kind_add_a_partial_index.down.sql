-- Second
DROP INDEX `things_c_index`;
