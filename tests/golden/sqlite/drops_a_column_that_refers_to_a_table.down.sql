-- Second
-- Brings back things.c without what it held.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `things` ADD `c` INTEGER REFERENCES `owners`(`id`);
