-- Second
-- Brings back things.c without what it held.
-- Only a backup brings that back.
ALTER TABLE `things` ADD `c` INTEGER REFERENCES owners(id);
