import type { TableSetting } from "../../engines/inspector.ts";
import { cursorAt, folded, tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";
import { saidOfTables, tableHere } from "../../sql/said_of_tables.ts";

/** What scripts say of the tables of PostgreSQL. */
export interface SaidSettings {
  /** What they leave set. */
  readonly left: readonly TableSetting[];
  /** What code says that cannot be read: any table may have it. */
  readonly perhaps: readonly TableSetting["setting"][];
}

/**
 * Returns which tables PostgreSQL's statements leave with row-level security or unlogged.
 *
 * @param statements Of the revisions that are applied, in order
 */
export function leftSettings(statements: readonly string[]): SaidSettings {
  let left: readonly TableSetting[] = [];
  const perhaps = new Set<TableSetting["setting"]>();
  const set = (given: TableSetting, isOn: boolean) => {
    const others = left.filter(({ table, setting }) => table !== given.table || setting !== given.setting);
    left = isOn ? [...others, given] : others;
  };
  for (const sql of statements) {
    if (!/\b(?:SECURITY|UNLOGGED|LOGGED|RENAME|DROP)\b/i.test(sql)) continue;
    const tokens = tokensOf(sql, "postgresql").map(folded);
    const cursor = cursorAt(tokens);
    if (cursor.take("CREATE", "UNLOGGED", "TABLE")) {
      const table = tableHere(cursor);
      if (table !== null) set({ table, setting: "unlogged" }, true);
    } else if (isWord(tokens[0], "DO") || isWord(tokens[0], "SELECT")) {
      if (/\bROW\s+LEVEL\s+SECURITY\b/i.test(sql)) {
        perhaps.add("row-level security").add("forced row-level security");
      }
      if (/\bUNLOGGED\b/i.test(sql)) perhaps.add("unlogged");
    }
    for (const said of saidOfTables(tokens)) {
      const { table } = said;
      if (said.kind === "gone") left = left.filter((each) => each.table !== table);
      else if (said.kind === "renamed") {
        left = left.map((each) => each.table === table ? { ...each, table: said.to } : each);
      } else {
        const at = cursorAt(said.action);
        const found = switches.find(([words]) => at.take(...words));
        if (found !== undefined) set({ table, setting: found[1] }, found[2]);
      }
    }
  }
  return { left, perhaps: [...perhaps] };
}

const switches:
  readonly (readonly [words: readonly string[], setting: TableSetting["setting"], isOn: boolean])[] = [
    [["ENABLE", "ROW", "LEVEL", "SECURITY"], "row-level security", true],
    [["DISABLE", "ROW", "LEVEL", "SECURITY"], "row-level security", false],
    [["FORCE", "ROW", "LEVEL", "SECURITY"], "forced row-level security", true],
    [["NO", "FORCE", "ROW", "LEVEL", "SECURITY"], "forced row-level security", false],
    [["SET", "UNLOGGED"], "unlogged", true],
    [["SET", "LOGGED"], "unlogged", false],
  ];
