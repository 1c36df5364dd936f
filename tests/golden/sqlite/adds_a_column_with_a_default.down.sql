-- Second
-- Drops things.c with what it holds.
-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.
ALTER TABLE `things` DROP COLUMN `c`;
