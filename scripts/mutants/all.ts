import type { Mutant } from "./mutant.ts";
import { backupMutants } from "./backup.ts";
import { bucketMutants } from "./bucket.ts";
import { engineMutants } from "./engines.ts";
import { groundMutants } from "./ground.ts";
import { migrateMutants } from "./migrate.ts";
import { roomMutants } from "./rooms.ts";

/** All of them, from the ground up. */
export const mutants: readonly Mutant[] = [
  ...groundMutants,
  ...engineMutants,
  ...migrateMutants,
  ...backupMutants,
  ...bucketMutants,
  ...roomMutants,
];
