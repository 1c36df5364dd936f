import { isLeft } from "../engines/inspector.ts";
import type { Revision } from "../history/history.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { leftOpen } from "./rules/left_open.ts";
import { upgradeTexts } from "../history/plain_texts.ts";

/**
 * Returns a live schema in which the constraints that the scripts of its revisions leave `NOT VALID` count as valid: no
 * snapshot can say that they are not.
 *
 * @param applied In order; their scripts are only read where a constraint is not valid
 */
export function heldAsLeft(live: Snapshot, applied: readonly Revision[]): Snapshot {
  const isOpen = ({ valid }: { readonly valid: boolean }) => !valid;
  if (!live.tables.some(({ checks, foreignKeys }) => checks.some(isOpen) || foreignKeys.some(isOpen))) {
    return live;
  }
  const left = leftOpen(upgradeTexts(applied, live));
  const held =
    <T extends { readonly name: string | null; readonly valid: boolean }>(table: string) => (each: T): T =>
      each.name !== null && isLeft(left, { table, name: each.name }, "NOT VALID")
        ? { ...each, valid: true }
        : each;
  const tables = live.tables.map((table) => ({
    ...table,
    checks: table.checks.map(held(table.name)),
    foreignKeys: table.foreignKeys.map(held(table.name)),
  }));
  return { ...live, tables };
}
