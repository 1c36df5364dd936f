-- Second
ALTER TABLE `things` ADD `c` integer REFERENCES `owners`(`id`);
