-- Second
ALTER TABLE `things` ADD `c` VARCHAR(500);
