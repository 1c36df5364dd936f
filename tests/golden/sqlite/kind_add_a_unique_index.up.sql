-- Second
CREATE UNIQUE INDEX `things_c_index` ON `things` (`c`);
