-- Second
ALTER TABLE `things` ADD `c` VARCHAR(20) DEFAULT 'a' NOT NULL CONSTRAINT "things_c_check" CHECK("c" IN ('a', 'b'));--> statement-breakpoint
CREATE INDEX `ix_things_c` ON `things` (`c`);
