-- Second
CREATE UNIQUE INDEX `things_c_key` ON `things` (`c`);
