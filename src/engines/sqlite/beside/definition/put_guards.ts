import { type SQL, sql as template } from "drizzle-orm";
import { guardPrefix, isOwnTrigger } from "../../../../sql/own/triggers.ts";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import type { BesideTask } from "../../../beside.ts";
import type { BesidePlace } from "../../database.ts";
import type { DefinitionChange } from "./change.ts";
import type { Guard } from "./demands.ts";

/** Takes a guard away, where it stands. */
export function dropGuard(name: string): SQL {
  return template.raw(`DROP TRIGGER IF EXISTS ${quoteName(name)}`);
}

/** Returns the statements after which the guards stand, and no other of ours does. */
export function guardStatements(standing: readonly string[], guards: readonly Guard[]): readonly string[] {
  const names = new Set([...standing, ...guards.map(({ name }) => name)]);
  return [
    ...[...names].map((name) => `DROP TRIGGER IF EXISTS ${quoteName(name)}`),
    ...guards.map(({ sql }) => sql),
  ];
}

/** Lets the guards stand. Those of an earlier run stay, if they are the same. */
export async function putGuards(
  { read }: BesidePlace,
  { after, guards }: DefinitionChange,
  { write }: BesideTask,
): Promise<void> {
  const triggers = await read<Guard>({
    text: `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(${
      quoteText(after.name)
    }) AND name GLOB '${guardPrefix}*'`,
    values: [],
  });
  const standing = triggers.filter(isOwnTrigger);
  const isStanding = ({ name, sql }: Guard) =>
    standing.some((each) => each.name === name && each.sql === sql);
  if (standing.length === guards.length && guards.every(isStanding)) return;
  await write(guardStatements(standing.map(({ name }) => name), guards).map(template.raw));
}
