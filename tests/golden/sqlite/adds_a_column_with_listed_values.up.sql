-- Second
ALTER TABLE `things` ADD `c` VARCHAR(20) DEFAULT 'local' NOT NULL CONSTRAINT "things_c_check" CHECK("c" IN ('local', 'r2'));
