-- Second
ALTER TABLE `things` ADD `c` text DEFAULT 'it''s';
