import { once } from "../../base/once_for.ts";

/** What the names of all guards begin with. */
export const guardPrefix = "harbor_beside_guard_";

/** What the names of the triggers that note changed rows end with. */
export const notingNames = ["before_insert", "before_update", "insert", "update", "delete"] as const;

const noting = once(() => new RegExp(`^(harbor_beside_[0-9]+)_(${notingNames.join("|")})$`));
const guardEvents = ["insert", "update"] as const;

/** Returns the name of the trigger that guards a table at an event. */
export function guardName(event: typeof guardEvents[number], table: string): string {
  return `${guardPrefix}${event}_${table}`;
}

/** How the text of a guard begins: SQLite keeps it as it was written, but for the names of what is renamed. */
const guard =
  /^CREATE TRIGGER "harbor_beside_guard_(insert|update)_(?:[^"]|"")+" AFTER (?:INSERT|UPDATE) ON "(?:[^"]|"")+" BEGIN\n(?:SELECT 1;|SELECT RAISE\(ABORT, '|UPDATE |INSERT INTO harbor_kept_[0-9]+ )/;

/**
 * Whether a trigger is one that harbor-db makes on a table beside its writers: by its name to the letter and by what it does, since
 * anybody's may begin so, and a table may have got another name meanwhile.
 */
export function isOwnTrigger({ name, sql }: { readonly name: string; readonly sql: string | null }): boolean {
  const [, mirror] = noting().exec(name) ?? [];
  if (mirror !== undefined) return sql?.includes(`INSERT INTO ${mirror}_changed (`) ?? false;
  return name.startsWith(guardPrefix) && guard.test(sql ?? "");
}
