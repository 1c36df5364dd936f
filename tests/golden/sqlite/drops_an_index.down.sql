-- Second
CREATE INDEX `ix_things_c` ON `things` (`c`);
