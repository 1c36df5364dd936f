-- Second
CREATE INDEX `things_both` ON `things` (`name`,`c`);
