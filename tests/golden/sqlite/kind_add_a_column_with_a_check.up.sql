-- Second
ALTER TABLE `things` ADD `c` text DEFAULT 'a' NOT NULL CONSTRAINT "things_c_check" CHECK("c" IN ('a', 'b'));
