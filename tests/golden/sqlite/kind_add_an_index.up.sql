-- Second
CREATE INDEX `things_c_index` ON `things` (`c`);
