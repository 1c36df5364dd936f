-- Second
ALTER TABLE `things` ADD `c` TEXT DEFAULT 'it''s';
