-- Second
ALTER TABLE `things` ADD `c` integer DEFAULT 0 NOT NULL;
