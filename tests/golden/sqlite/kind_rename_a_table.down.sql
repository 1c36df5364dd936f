-- Second
ALTER TABLE `things` RENAME TO `old_things`;
