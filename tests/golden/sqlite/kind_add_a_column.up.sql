-- Second
ALTER TABLE `things` ADD `c` text;
