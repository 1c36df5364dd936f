/** What the names of all guards begin with. */
export const guardPrefix = "harbor_beside_guard_";

/** What the names of the triggers that note changed rows end with. */
export const notingNames = ["before_insert", "before_update", "insert", "update", "delete"] as const;

const noting = new RegExp(`^harbor_beside_[0-9]+_(${notingNames.join("|")})$`);
const guardEvents = ["insert", "update"] as const;

/** Returns the name of the trigger that guards a table at an event. */
export function guardName(event: typeof guardEvents[number], table: string): string {
  return `${guardPrefix}${event}_${table}`;
}

/** Whether a trigger is called as one that harbor-db makes on a table beside its writers: to the letter, since anybody's may begin so. */
export function isOwnTrigger({ name, table }: { readonly name: string; readonly table: string }): boolean {
  return noting.test(name) || guardEvents.some((event) => guardName(event, table) === name);
}
