-- Second
ALTER TABLE `old_things` RENAME TO `things`;
