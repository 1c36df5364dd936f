-- Second
ALTER TABLE `things` RENAME COLUMN `c` TO `old`;
